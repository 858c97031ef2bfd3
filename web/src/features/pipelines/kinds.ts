// The types of stages and tasks, and what becomes of the file when one takes another type.
import type { Document } from "yaml";
import { change, remove, set, type Path } from "./document";

export const stageTypes = ["template-deploy", "job", "review", "parallel"] as const;
export const taskTypes = ["template-deploy", "job"] as const;

/** What a stage of a type needs to begin with. */
export const beginnings: Record<(typeof stageTypes)[number], Record<string, unknown>> = {
  "template-deploy": { deploy: { tool: "aos", stack: "stack" }, timeout: "1h" },
  job: { images: [{ name: "app", image: "" }], job: { image: "${image.app}", command: [] as string[] }, timeout: "1h" },
  review: { review: { mode: "one", users: ["admin"] } },
  parallel: { order: "parallel", tasks: [{ name: "task", type: "template-deploy", deploy: { tool: "aos", stack: "stack" }, timeout: "1h" }] },
};

// What belongs to some types alone; both that deploy and that run a job have images and a timeout.
const ownKeys = ["images", "deploy", "timeout", "rollback", "review", "tasks", "order", "on_task_failure", "job"];
const shared: Record<string, readonly string[]> = { "template-deploy": ["images", "timeout"], job: ["images", "timeout"] };

/** Gives the stage or task at a path another type: what the new one does not know goes, what it needs comes. */
export function retype(text: string, doc: Document, path: Path, type: string): string {
  const begin = (beginnings as Record<string, Record<string, unknown> | undefined>)[type] ?? {};
  const keep = [...Object.keys(begin), ...(shared[type] ?? [])];
  return change(text, ...ownKeys.filter((k) => !keep.includes(k)).map((k) => remove([...path, k])), set([...path, "type"], type),
    ...Object.keys(begin).filter((k) => !doc.hasIn([...path, k])).map((k) => set([...path, k], begin[k])));
}
