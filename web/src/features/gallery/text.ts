import type { Noun } from "../../api/client";
import type { Language } from "../../i18n";

export type PipelineTemplate = Noun<"PipelineTemplate">;
export type Category = PipelineTemplate["category"];

// In the order in which the gallery shows them.
export const categories = ["image-deployment", "gray-release", "multi-environment", "chart-deployment", "chain", "test", "other"] as const satisfies readonly Category[];

/** A text in the language of the console; English where there is no other. */
export const localText = (text: Noun<"LocalText">, language: Language): string => (language === "zh-CN" && text.zh ? text.zh : text.en);

/** The pipeline file of a template's text: what comes after the line of three dashes. */
export function pipelineOf(source: string): string {
  const at = /^---[ \t]*$/m.exec(source);
  return at ? source.slice(at.index + at[0].length).replace(/^\r?\n/, "") : source;
}
