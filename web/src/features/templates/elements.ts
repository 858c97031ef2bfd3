// The elements of a template text and what they need, for the picture. It reads tolerantly: the server checks.
import { parse } from "yaml";
import type { ElementLike } from "../../picture/model";

const isMap = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

function references(value: unknown, found: Set<string>) {
  if (Array.isArray(value)) {
    for (const v of value) references(v, found);
    return;
  }
  if (!isMap(value)) return;
  for (const [key, v] of Object.entries(value)) {
    const first: unknown = Array.isArray(v) ? v[0] : v;
    if ((key === "get_attribute" || key === "get_reference") && typeof first === "string") found.add(first);
    else references(v, found);
  }
}

export interface TemplateElement extends ElementLike {
  properties: unknown;
}

export function elementsOf(text: string): TemplateElement[] {
  let root: unknown;
  try {
    root = parse(text, { logLevel: "silent" });
  } catch {
    return [];
  }
  const nodes = isMap(root) && isMap(root.node_templates) ? root.node_templates : {};
  return Object.entries(nodes).map(([name, node]) => {
    const requires = new Set<string>();
    const refers = new Set<string>();
    if (isMap(node)) {
      for (const requirement of Array.isArray(node.requirements) ? node.requirements : []) {
        if (!isMap(requirement)) continue;
        for (const target of Object.values(requirement)) if (isMap(target) && typeof target.node === "string") requires.add(target.node);
      }
      references(node.properties, refers);
    }
    const type = isMap(node) && typeof node.type === "string" ? node.type.replace(/^(HuaweiCloud|Cloud)\./, "") : "";
    return { name, type, requires: [...requires].filter((r) => r in nodes), refers: [...refers].filter((r) => r in nodes), properties: isMap(node) ? node.properties : undefined };
  });
}
