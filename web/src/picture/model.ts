// Pictures as plain data: nodes with places and sizes, edges between them. Nothing here knows React.
import { Graph, layout } from "@dagrejs/dagre";

export interface Box {
  id: string;
  title: string;
  note?: string;
  state?: string;
  /** How many mistakes were found in it. */
  problems?: number;
}

export interface Arrow {
  from: string;
  to: string;
  /** It is only referred to: a value of it is read. The others are dependencies that somebody wrote down. */
  reference?: boolean;
}

export interface Placed extends Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Picture {
  /** Which way its arrows point. */
  direction: Direction;
  boxes: Placed[];
  arrows: Arrow[];
  width: number;
  height: number;
}

export type Direction = "right" | "down";

export const boxWidth = 190;
export const boxHeight = 62;

/** Places boxes so that arrows point one way: to the right, or downwards. */
export function place(boxes: readonly Box[], arrows: readonly Arrow[], direction: Direction = "right"): Picture {
  const g = new Graph();
  g.setGraph({ rankdir: direction === "right" ? "LR" : "TB", nodesep: 26, ranksep: 56, marginx: 12, marginy: 12 });
  g.setDefaultEdgeLabel(() => ({}));
  // Of what could stand either way the library puts the later first; given the other way round, the author's order comes out.
  for (const box of [...boxes].reverse()) g.setNode(box.id, { width: boxWidth, height: boxHeight });
  const known = new Set(boxes.map((b) => b.id));
  const drawn = arrows.filter((a) => known.has(a.from) && known.has(a.to) && a.from !== a.to);
  for (const a of [...drawn].reverse()) g.setEdge(a.from, a.to);
  layout(g);
  const placed = boxes.map((box) => {
    const at = g.node(box.id) as { x: number; y: number };
    return { ...box, x: at.x - boxWidth / 2, y: at.y - boxHeight / 2, width: boxWidth, height: boxHeight };
  });
  return {
    direction,
    boxes: placed,
    arrows: drawn,
    width: Math.max(0, ...placed.map((b) => b.x + b.width)) + 12,
    height: Math.max(0, ...placed.map((b) => b.y + b.height)) + 12,
  };
}

export interface StageLike {
  name: string;
  type: string;
  state?: string;
  problems?: number;
  needs?: readonly string[] | null;
  /** The parallel stage that it is a task of. */
  parent?: string;
  /** Its tasks follow one another. */
  serial?: boolean;
}

/** The picture of a pipeline: a stage follows those that it names, or else the one before it in the file. Tasks stand behind their stage, and what follows it stands behind them. */
export function pipelinePicture<S extends StageLike>(stages: readonly S[], note: (stage: S) => string = (s) => s.type, direction: Direction = "right"): Picture {
  const tasksOf = (name: string) => stages.filter((s) => s.parent === name).map((s) => s.name);
  const endsOf = (name: string): string[] => {
    const tasks = tasksOf(name);
    if (tasks.length === 0) return [name];
    return stages.find((s) => s.name === name)?.serial ? tasks.slice(-1) : tasks;
  };
  const main = stages.filter((s) => s.parent === undefined);
  const arrows = [
    ...main.flatMap((s, i) => (s.needs ?? main.slice(Math.max(0, i - 1), i).map((before) => before.name)).flatMap(endsOf).map((from) => ({ from, to: s.name }))),
    ...main.flatMap((s) => tasksOf(s.name).map((task, i, all) => ({ from: s.serial && i > 0 ? (all[i - 1] ?? s.name) : s.name, to: task }))),
  ];
  const title = (s: S) => (s.parent !== undefined && s.name.startsWith(`${s.parent}/`) ? s.name.slice(s.parent.length + 1) : s.name);
  return place(stages.map((s) => ({ id: s.name, title: title(s), note: note(s), state: s.state, problems: s.problems })), arrows, direction);
}

/** Where a box that is let go at a place goes: the box nearest to it, and the side of that box. Undefined: back to where it was. */
export function dropPlace(picture: Picture, id: string, x: number, y: number): { of: string; side: "before" | "after" | "beside" } | undefined {
  const self = picture.boxes.find((b) => b.id === id);
  if (!self || (Math.abs(x - self.x) < boxWidth / 4 && Math.abs(y - self.y) < boxHeight / 2)) return undefined;
  const far = (b: Placed) => Math.hypot(b.x - x, (b.y - y) * 2);
  const nearest = picture.boxes.filter((b) => b.id !== id).sort((a, b) => far(a) - far(b))[0];
  if (!nearest) return undefined;
  const dx = x - nearest.x;
  const side = Math.abs(dx) < boxWidth / 2 && Math.abs(y - nearest.y) > boxHeight * 0.6 ? "beside" : dx < 0 ? "before" : "after";
  return { of: nearest.id, side };
}

export interface ElementLike {
  name: string;
  type: string;
  requires?: readonly string[] | null;
  /** Those whose values it reads. */
  refers?: readonly string[];
  state?: string;
}

/** At most so many elements: those that can be reached from the chosen one over the fewest arrows, or the first ones. A picture of thousands says nothing, and is long in the making. */
export function inReach<E extends ElementLike>(elements: readonly E[], chosen: string | undefined, most = 300): readonly E[] {
  if (elements.length <= most) return elements;
  const near = new Map<string, Set<string>>();
  const meet = (a: string, b: string) => near.set(a, (near.get(a) ?? new Set()).add(b));
  for (const e of elements) {
    for (const other of [...(e.requires ?? []), ...(e.refers ?? [])]) {
      meet(e.name, other);
      meet(other, e.name);
    }
  }
  const names = new Set(elements.map((e) => e.name));
  const kept = new Set(chosen !== undefined && names.has(chosen) ? [chosen] : []);
  for (const name of kept) for (const other of near.get(name) ?? []) if (kept.size < most && names.has(other)) kept.add(other); // what is added is gone through as well
  for (const name of names) if (kept.size < most && (chosen === undefined || !names.has(chosen))) kept.add(name);
  return elements.filter((e) => kept.has(e.name));
}

/** The picture of a template's or stack's elements: an arrow leads from what is needed to what needs it. */
export function elementPicture(elements: readonly ElementLike[]): Picture {
  const arrows = elements.flatMap((e): Arrow[] => [
    ...(e.requires ?? []).map((from) => ({ from, to: e.name })),
    ...(e.refers ?? []).filter((from) => !e.requires?.includes(from)).map((from) => ({ from, to: e.name, reference: true })),
  ]);
  return place(elements.map((e) => ({ id: e.name, title: e.name, note: e.type, state: e.state })), arrows, "down");
}
