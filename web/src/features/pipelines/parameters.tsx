import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { templateVersion } from "../../api/queries";
import { useText } from "../../i18n";
import { valueText } from "../../ui/value";
import { InputsForm, type Given, type TemplateInput } from "../../ui/inputs";
import { variableNames } from "./conditions";
import { change, keysAt, remove, set, valueAt, type Path } from "./document";
import { Problems, type Bound } from "./field";

interface ParametersProps {
  bound: Bound;
  path: Path;
  template: string | undefined;
  version: string | undefined;
  images: readonly string[];
  /** What the stack has now, which holds where nothing is given. */
  present: Record<string, unknown> | undefined;
}

/** The inputs of the stage's template with the values that the stage gives. */
export function Parameters({ bound, path, template, version, images, present }: ParametersProps) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const details = useQuery({ ...templateVersion(template ?? "", version ?? ""), enabled: Boolean(template && version && !`${template}${version}`.includes("${")) });
  const given = useMemo<Given>(() => Object.fromEntries(keysAt(doc, path).map((k) => [k, parameterText(valueAt(doc, [...path, k]))])), [doc, path]);
  const known = details.data?.inputs ?? [];
  const inputs: TemplateInput[] = [...known, ...Object.keys(given).filter((k) => !known.some((i) => i.name === k)).map((name) => ({ name, type: "string", required: false }))];
  const put = (next: Given) => {
    const names = new Set([...Object.keys(given), ...Object.keys(next)]);
    onChange(change(text, ...[...names].filter((n) => given[n] !== next[n]).map((n) => (next[n] === undefined ? remove([...path, n]) : set([...path, n], next[n])))));
  };
  const variables = [...images.flatMap((i) => [`image.${i}`, `image.${i}.digest`]), ...variableNames(doc)];
  return (
    <>
      <h2 className="section">{t("pipelines.parameters")}</h2>
      <p className="dim">{t("stageForm.parametersHint")}</p>
      <Problems path={path} findings={bound.findings} within />
      <InputsForm inputs={inputs} given={given} onChange={put} variables={variables} lenient
        placeholder={(i) => (present?.[i.name] !== undefined ? t("stageForm.asInStack", { value: valueText(present[i.name]) }) : i.default !== undefined ? t("stageForm.asInTemplate", { value: valueText(i.default) }) : "")} />
    </>
  );
}

const parameterText = (value: unknown): string => (value === undefined || value === null ? "" : valueText(value));
