-- A version that came as a package keeps it as it was uploaded. files is a JSON list of the paths beside the main file.
ALTER TABLE template_versions ADD COLUMN package TEXT NOT NULL DEFAULT '';
ALTER TABLE template_versions ADD COLUMN archive BYTEA;
ALTER TABLE template_versions ADD COLUMN files TEXT NOT NULL DEFAULT '[]';
