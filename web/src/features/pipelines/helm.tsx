import { useMemo, useState } from "react";
import { Button, Checkbox } from "antd";
import { useQuery } from "@tanstack/react-query";
import { stacks, targets, templates } from "../../api/queries";
import { useText } from "../../i18n";
import { Editor } from "../../ui/editor";
import { ProblemAlert } from "../../ui/problem";
import { variableNames } from "./conditions";
import { change, makeWay, nodeText, readText, remove, set, valueAt, type Path } from "./document";
import { Problems, TextField, type Bound } from "./field";

/** A release of a chart: cluster, namespace, release, chart, and values as a text of their own or from a file. */
export function HelmForm({ bound, path, images }: { bound: Bound; path: Path; images: readonly string[] }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const targetList = useQuery(targets);
  const stackList = useQuery(stacks);
  const packages = useQuery(templates);
  const variables = variableNames(doc);
  const flag = (key: string, label: string, on: boolean, value: unknown, off?: unknown) => (
    <div><Checkbox checked={on} onChange={(e) => onChange(change(text, set([...path, key], e.target.checked ? value : off)))}>{label}</Checkbox></div>
  );
  return (
    <>
      <TextField bound={bound} path={[...path, "target"]} label={t("pipelines.target")} options={(targetList.data ?? []).filter((x) => x.kind === "kubernetes").map((x) => x.name)} />
      <TextField bound={bound} path={[...path, "namespace"]} label={t("pipelines.namespace")} placeholder="default" complete={variables} />
      <TextField bound={bound} path={[...path, "release"]} label={t("stageForm.release")} hint={t("stageForm.releaseHint")} options={(stackList.data ?? []).filter((s) => s.template.startsWith("helm-")).map((s) => s.name)} />
      <TextField bound={bound} path={[...path, "chart", "url"]} label={t("stageForm.chartURL")} placeholder="oci://registry.example.com/charts/web" complete={variables} />
      <TextField bound={bound} path={[...path, "chart", "name"]} label={t("stageForm.chart")} placeholder="team/charts/web" complete={variables} />
      <TextField bound={bound} path={[...path, "chart", "version"]} label={t("common.version")} complete={variables} />
      <TextField bound={bound} path={[...path, "package"]} label={t("stageForm.package")} hint={t("stageForm.packageHint")} options={(packages.data ?? []).flatMap((p) => (p.versions ?? []).slice(0, 3).map((v) => `${p.name}@${v}`))} />
      <TextField bound={bound} path={[...path, "values_file"]} label={t("stageForm.valuesFile")} placeholder="values-prod.yaml" />
      <ValuesField bound={bound} path={[...path, "values"]} hints={[...images.map((i) => `image.${i}`), ...variables]} />
      {flag("create", t("pipelines.createStack"), valueAt(doc, [...path, "create"]) === true, true)}
      {flag("create_namespace", t("stageForm.createNamespace"), valueAt(doc, [...path, "create_namespace"]) === true, true)}
      {flag("wait", t("stageForm.wait"), valueAt(doc, [...path, "wait"]) !== false, undefined, false)}
    </>
  );
}

/** The values as YAML of their own; what is not readable yet stays in the field and leaves the file alone. */
function ValuesField({ bound, path, hints }: { bound: Bound; path: Path; hints: readonly string[] }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const inFile = useMemo(() => nodeText(doc, path), [doc, path]);
  // What was typed holds as long as it says the same as the file, so that the field does not write over the typing.
  const [draft, setDraft] = useState<{ text: string; says: string; problem?: string }>();
  const shown = draft && (draft.problem !== undefined || draft.says === inFile) ? draft.text : inFile;
  const write = (typed: string) => {
    if (typed === shown) return;
    const { doc: values, error } = readText(typed);
    if (!values) {
      setDraft({ text: typed, says: inFile, problem: error?.message ?? "" });
      return;
    }
    const next = change(text, values.contents === null ? remove(path) : (d) => { makeWay(d, path); d.setIn(path, values.contents); });
    const changed = readText(next).doc;
    setDraft({ text: typed, says: changed ? nodeText(changed, path) : inFile });
    onChange(next);
  };
  const take = async (file: File | undefined) => {
    if (file) write(await file.text());
  };
  return (
    <div className="field" role="group" aria-label={t("stageForm.values")}>
      <span>{t("stageForm.values")} <span className="dim">{hints.map((h) => <code key={h}>{`\${${h}} `}</code>)}</span></span>
      <Editor label={t("stageForm.values")} value={shown} onChange={write} height="180px" />
      {draft?.problem !== undefined && <ProblemAlert error={new Error(draft.problem)} />}
      <Problems path={path} findings={bound.findings} within />
      <span>
        <Button size="small" onClick={(e) => e.currentTarget.parentElement?.querySelector("input")?.click()}>{t("stageForm.importValues")}</Button>
        <input type="file" hidden accept=".yaml,.yml,.json" aria-label={t("stageForm.importValues")} onChange={(e) => void take(e.target.files?.[0])} />
      </span>
    </div>
  );
}
