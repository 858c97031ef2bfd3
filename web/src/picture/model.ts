// Pictures as plain data: nodes with places and sizes, edges between them. Nothing here knows React.
import { Graph, layout } from "@dagrejs/dagre";

export interface Box {
  id: string;
  title: string;
  note?: string;
  state?: string;
}

export interface Arrow {
  from: string;
  to: string;
}

export interface Placed extends Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Picture {
  boxes: Placed[];
  arrows: Arrow[];
  width: number;
  height: number;
}

export const boxWidth = 190;
export const boxHeight = 62;

/** Places boxes so that arrows point one way: to the right, or downwards. */
export function place(boxes: readonly Box[], arrows: readonly Arrow[], direction: "right" | "down" = "right"): Picture {
  const g = new Graph();
  g.setGraph({ rankdir: direction === "right" ? "LR" : "TB", nodesep: 26, ranksep: 56, marginx: 12, marginy: 12 });
  g.setDefaultEdgeLabel(() => ({}));
  for (const box of boxes) g.setNode(box.id, { width: boxWidth, height: boxHeight });
  const known = new Set(boxes.map((b) => b.id));
  const drawn = arrows.filter((a) => known.has(a.from) && known.has(a.to) && a.from !== a.to);
  for (const a of drawn) g.setEdge(a.from, a.to);
  layout(g);
  const placed = boxes.map((box) => {
    const at = g.node(box.id) as { x: number; y: number };
    return { ...box, x: at.x - boxWidth / 2, y: at.y - boxHeight / 2, width: boxWidth, height: boxHeight };
  });
  return {
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
  needs?: readonly string[] | null;
}

/** The picture of a pipeline: one box for each stage, in the order of the file unless stages name what they need. */
export function pipelinePicture(stages: readonly StageLike[], note: (stage: StageLike) => string = (s) => s.type): Picture {
  const graph = stages.some((s) => s.needs && s.needs.length > 0);
  const arrows = graph
    ? stages.flatMap((s) => (s.needs ?? []).map((from) => ({ from, to: s.name })))
    : stages.slice(1).map((s, i) => ({ from: stages[i]?.name ?? "", to: s.name }));
  return place(stages.map((s) => ({ id: s.name, title: s.name, note: note(s), state: s.state })), arrows);
}

export interface ElementLike {
  name: string;
  type: string;
  requires?: readonly string[] | null;
  state?: string;
}

/** The picture of a template's or stack's elements: an arrow leads from what is needed to what needs it. */
export function elementPicture(elements: readonly ElementLike[]): Picture {
  const arrows = elements.flatMap((e) => (e.requires ?? []).map((from) => ({ from, to: e.name })));
  return place(elements.map((e) => ({ id: e.name, title: e.name, note: e.type, state: e.state })), arrows, "down");
}
