// A pipeline file as a document that a form can change: what the form does not know, and every comment, stays as it was.
import { Document, isCollection, isMap, isSeq, parseDocument, Scalar, type ScalarTag, type Tags } from "yaml";

export type Path = readonly (string | number)[];

export interface PipelineText {
  /** Undefined when the text cannot be read. */
  doc: Document | undefined;
  error?: { message: string; line?: number };
}

// "!!int ${replicas}" is a number only when the variable is known; until then it stays the text that was written.
const customTags = (tags: Tags): Tags =>
  tags.map((tag) => {
    if (typeof tag !== "object" || "collection" in tag || !/:(int|float|bool)$/.test(tag.tag)) return tag;
    const usual = tag.stringify;
    const stringify: ScalarTag["stringify"] = (item, ...rest) => {
      if (typeof item.value !== "string") return usual ? usual(item, ...rest) : String(item.value);
      return item.type === Scalar.PLAIN ? item.value : JSON.stringify(item.value);
    };
    return { ...tag, stringify };
  });

export function readText(text: string): PipelineText {
  const doc = parseDocument(text, { logLevel: "silent", customTags });
  const first = doc.errors[0];
  if (first) return { doc: undefined, error: { message: first.message, line: first.linePos?.[0].line } };
  if (doc.contents !== null && !isMap(doc.contents)) return { doc: undefined, error: { message: "a pipeline file is a map of keys" } };
  return { doc };
}

/** The plain value at a path; undefined when there is none. */
export function valueAt(doc: Document, path: Path): unknown {
  const node: unknown = doc.getIn(path, true);
  if (node === undefined) return undefined;
  return isCollection(node) ? (node.toJSON() as unknown) : doc.getIn(path);
}

const isPlain = (v: unknown): v is string | number | boolean => ["string", "number", "boolean"].includes(typeof v);

export function textAt(doc: Document, path: Path): string {
  const value = valueAt(doc, path);
  return isPlain(value) ? String(value) : "";
}

export function lengthAt(doc: Document, path: Path): number {
  const node: unknown = doc.getIn(path, true);
  return isSeq(node) ? node.items.length : 0;
}

export function keysAt(doc: Document, path: Path): string[] {
  const value = valueAt(doc, path);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

/** What stands at a path as a text of its own, with its tags and comments; "" when nothing does. */
export function nodeText(doc: Document, path: Path): string {
  const node: unknown = doc.getIn(path, true);
  return isCollection(node) && node.items.length > 0 ? new Document(node, { customTags }).toString({ lineWidth: 0, flowCollectionPadding: false }) : "";
}

type Change = (doc: Document) => void;

/** Gives the text after a change. The document itself stays as it was. */
export function change(text: string, ...changes: Change[]): string {
  const { doc } = readText(text);
  if (!doc) return text;
  if (doc.contents === null) doc.contents = doc.createNode({});
  for (const c of changes) c(doc);
  return doc.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Sets a value; undefined and "" take the key away, and maps that are left empty with it. */
export const set = (path: Path, value: unknown): Change => (doc) => {
  if (value === undefined || value === "") {
    remove(path)(doc);
    return;
  }
  makeWay(doc, path);
  doc.setIn(path, typeof value === "object" ? doc.createNode(value, { flow: false }) : value);
};

export const remove = (path: Path): Change => (doc) => {
  if (!doc.hasIn(path)) return;
  doc.deleteIn(path);
  const parent = path.slice(0, -1);
  const node: unknown = parent.length > 0 ? doc.getIn(parent, true) : undefined;
  const last = parent.at(-1);
  if (typeof last === "string" && isCollection(node) && node.items.length === 0) remove(parent)(doc);
};

export const append = (path: Path, value: unknown): Change => (doc) => {
  const list: unknown = doc.getIn(path, true);
  if (isSeq(list)) list.add(doc.createNode(value));
  else {
    makeWay(doc, path);
    doc.setIn(path, doc.createNode([value]));
  }
};

export const insert = (path: Path, index: number, value: unknown): Change => (doc) => {
  const list: unknown = doc.getIn(path, true);
  if (isSeq(list)) list.items.splice(index, 0, doc.createNode(value));
  else append(path, value)(doc);
};

export const move = (path: Path, from: number, to: number): Change => (doc) => {
  const list: unknown = doc.getIn(path, true);
  if (!isSeq(list) || to < 0 || to >= list.items.length) return;
  const [item] = list.items.splice(from, 1);
  list.items.splice(to, 0, item);
};

/** Makes the collections on the way to a path; a value that stands in the way gives place. */
export function makeWay(doc: Document, path: Path) {
  for (let i = 1; i < path.length; i++) {
    const part = path.slice(0, i);
    if (!isCollection(doc.getIn(part, true))) doc.setIn(part, doc.createNode(typeof path[i] === "number" ? [] : {}));
  }
}

/** Hours and minutes of a duration such as 1h30m; undefined when there is none or it is something else. */
export function readDuration(text: string): { hours: number; minutes: number } | undefined {
  const m = /^(?:(\d+)h)?(?:(\d+)m)?(?:0s)?$/.exec(text);
  if (!m || text === "") return undefined;
  return { hours: Number(m[1] ?? 0), minutes: Number(m[2] ?? 0) };
}

export function writeDuration(hours: number, minutes: number): string {
  if (hours === 0 && minutes === 0) return "";
  return `${hours > 0 ? `${hours}h` : ""}${minutes > 0 ? `${minutes}m` : ""}`;
}

export const blankPipeline = (name: string) => `name: ${name}
group: default
variables:
  - {name: tag, value: "1.0", description: image tag}
stages:
  - name: deploy
    type: template-deploy
    deploy:
      tool: aos
      stack: ${name}
    timeout: 1h
`;
