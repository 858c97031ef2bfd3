-- A session is a token that a sign-in made; it is not listed among the user's own tokens.
ALTER TABLE tokens ADD COLUMN session BOOLEAN NOT NULL DEFAULT FALSE;
