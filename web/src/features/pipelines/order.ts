// The order of stages: adding, moving and removing one in a picture, as changes of the pipeline's text. Without "needs" a stage follows
// the one before it in the file; whatever a change does not touch stays as it was written.
import { isMap, isSeq, type Document } from "yaml";
import { change, lengthAt, textAt, valueAt } from "./document";

export type Side = "before" | "after" | "beside";

/** A stage and the stages that it follows. */
export interface Link {
  name: string;
  needs: readonly string[];
}

/** What each stage follows, said or not. */
export function linksOf(doc: Document): Link[] {
  const names = namesOf(doc);
  return names.map((name, i) => ({ name, needs: saidNeeds(doc, i) ?? implied(names, i) }));
}

const namesOf = (doc: Document) => Array.from({ length: lengthAt(doc, ["stages"]) }, (_, i) => textAt(doc, ["stages", i, "name"]));
const implied = (names: readonly string[], i: number): string[] => (i === 0 ? [] : [names[i - 1] ?? ""]);

function saidNeeds(doc: Document, i: number): string[] | undefined {
  const needs = valueAt(doc, ["stages", i, "needs"]);
  return Array.isArray(needs) ? needs.map(String) : undefined;
}

/** The links with a new stage at a side of another one. */
export function withStage(links: readonly Link[], name: string, side: Side, of: string): Link[] {
  const at = links.findIndex((l) => l.name === of);
  const neighbour = links[at];
  if (!neighbour) return [...links, { name, needs: links.length > 0 ? [links[links.length - 1]?.name ?? ""] : [] }];
  const added: Link = { name, needs: side === "after" ? [of] : neighbour.needs };
  const others = links.map((l) => {
    if (l.name === of) return side === "before" ? { ...l, needs: [name] } : l;
    if (!l.needs.includes(of) || side === "before") return l;
    return { ...l, needs: l.needs.flatMap((n) => (n !== of ? [n] : side === "after" ? [name] : [of, name])) };
  });
  others.splice(side === "before" ? at : at + 1, 0, added);
  return others;
}

/** The links without a stage: what followed it follows what it followed, where it does not do so by another way. */
export function withoutStage(links: readonly Link[], name: string): Link[] {
  const gone = links.find((l) => l.name === name);
  if (!gone) return [...links];
  const rest = links.filter((l) => l.name !== name);
  return rest.map((l) => {
    if (!l.needs.includes(name)) return l;
    const kept = l.needs.filter((n) => n !== name);
    const reached = reach(links, kept);
    return { ...l, needs: [...gone.needs.filter((n) => !reached.has(n)), ...kept] };
  });
}

/** All that some stages follow, themselves included. */
function reach(links: readonly Link[], from: readonly string[]): Set<string> {
  const found = new Set(from);
  const byName = new Map(links.map((l) => [l.name, l.needs]));
  for (const name of found) for (const n of byName.get(name) ?? []) found.add(n);
  return found;
}

export const addStage = (text: string, stage: { name: string }, side: Side, of: string): string =>
  rewrite(text, (links) => withStage(links, stage.name, side, of), stage);

export const removeStage = (text: string, name: string): string => rewrite(text, (links) => withoutStage(links, name));

/** Puts a stage at a side of another one. */
export function moveStage(text: string, name: string, side: Side, of: string): string {
  if (name === of) return text;
  return rewrite(text, (links) => withStage(withoutStage(links, name), name, side, of));
}

/** Puts a stage one place earlier (-1) or later (1) in the file. */
export function shiftStage(text: string, name: string, by: -1 | 1): string {
  return rewrite(text, (links) => {
    const neighbour = links[links.findIndex((l) => l.name === name) + by];
    return neighbour ? withStage(withoutStage(links, name), name, by < 0 ? "before" : "after", neighbour.name) : [...links];
  });
}

/** Lets what other stages say of a stage follow its new name. */
export function followName(text: string, from: string, to: string): string {
  return change(text, (doc) => {
    const follow = (path: (string | number)[]) => textAt(doc, path) === from && doc.setIn(path, to);
    for (let i = 0; i < lengthAt(doc, ["stages"]); i++) {
      for (let n = 0; n < lengthAt(doc, ["stages", i, "needs"]); n++) follow(["stages", i, "needs", n]);
      for (let n = 0; n < lengthAt(doc, ["stages", i, "when"]); n++) follow(["stages", i, "when", n, "stage"]);
    }
  });
}

// Writes the new links: the items move as they are, and "needs" is written only where the order of the file does not say the same.
function rewrite(text: string, next: (links: Link[]) => Link[], added?: { name: string }): string {
  return change(text, (doc) => {
    const list: unknown = doc.getIn(["stages"], true);
    const before = linksOf(doc);
    const after = next(before);
    const items = new Map(isSeq(list) ? list.items.map((item, i) => [before[i]?.name, item]) : []);
    if (added) items.set(added.name, doc.createNode(added));
    if (isSeq(list)) list.items = after.map((l) => items.get(l.name));
    else doc.setIn(["stages"], doc.createNode(added ? [added] : []));
    const names = after.map((l) => l.name);
    after.forEach((link, i) => {
      const said = saidNeeds(doc, i);
      if (same(said ?? implied(names, i), link.needs)) return;
      if (same(implied(names, i), link.needs)) doc.deleteIn(["stages", i, "needs"]);
      else {
        const stage: unknown = doc.getIn(["stages", i], true);
        if (isMap(stage)) stage.set("needs", doc.createNode([...link.needs], { flow: true }));
      }
    });
  });
}

const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((n) => b.includes(n));
