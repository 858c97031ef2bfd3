-- A version may have a second name, as templates of the original have: AOS.Stack elements refer to it.
ALTER TABLE template_versions ADD COLUMN alias TEXT;
CREATE UNIQUE INDEX template_versions_by_alias ON template_versions (alias);
