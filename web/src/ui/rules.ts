/** Says what is wrong with a text as the server would, in its words. Nothing is wrong with one that is still empty. */
export type Rule = (value: string) => string | undefined;

const rule = (longest: number, fits: RegExp, says: (quoted: string) => string): Rule => (value) =>
  value === "" || (value.length <= longest && fits.test(value)) ? undefined : says(JSON.stringify(value));

const name = (what: string) =>
  rule(64, /^[a-z]([-a-z0-9]{0,62}[a-z0-9])?$/, (q) => `${what} name ${q}: want 1 to 64 lower-case letters, digits or hyphens, first a letter, last not a hyphen`);

const groupName = (what: string) =>
  rule(64, /^[a-z](?:[a-z0-9]|(?:_{1,2}|-+)[a-z0-9])*$/, (q) => `${what} name ${q}: want 1 to 64 lower-case letters, digits, underscores or hyphens, first a letter, last a letter or digit, no more than two underscores in a row`);

/** The server has the same rules: rules.json has what both are tested with. */
export const rules = {
  channel: name("channel"),
  stack: name("stack"),
  target: name("target"),
  template: name("template"),
  user: name("user"),
  group: groupName("pipeline group"),
  pipelineTemplate: groupName("pipeline template"),
  organization: rule(64, /^[a-z][a-z0-9]*(?:(?:\.|_|__|-)[a-z0-9]+)*$/, (q) => `organization name ${q}: want 1 to 64 lower-case letters, digits, and dots, hyphens or one or two underscores between them, first a letter`),
  version: rule(24, /^[a-zA-Z0-9_]+([-.][a-zA-Z0-9]+)*$/, (q) => `template version ${q}: want 1 to 24 letters, digits or underscores, with single dots or hyphens between them, such as 1.0`),
  email: rule(254, /^[^@ ]+@[^@ ]+$/, () => "expected string to be an e-mail address"),
  phone: rule(33, /^\+?[0-9 ()-]{3,32}$/, () => "expected string to be a telephone number such as +86 10 1234 5678"),
} satisfies Record<string, Rule>;
