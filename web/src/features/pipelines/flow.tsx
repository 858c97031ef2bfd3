import { Button, Card, Checkbox, Select } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useText } from "../../i18n";
import { variableNames } from "./conditions";
import { append, change, keysAt, lengthAt, remove, textAt, valueAt, type Path } from "./document";
import { FieldFrame, Problems, TextField, type Bound } from "./field";

const tests = ["equals", "not_equals", "in", "matches"] as const;
type Test = (typeof tests)[number];

/** Which stages a stage follows, and when it takes part at all. */
export function FlowForm({ bound, path, name, names }: { bound: Bound; path: Path; name: string; names: readonly string[] }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const needs = valueAt(doc, [...path, "needs"]);
  const said = Array.isArray(needs);
  const before = names[Number(path[1]) - 1];
  const say = (own: boolean) => onChange(change(text, own ? (d) => d.setIn([...path, "needs"], d.createNode(before === undefined ? [] : [before], { flow: true })) : remove([...path, "needs"])));
  const others = names.filter((n) => n !== name).map((value) => ({ value, label: value }));
  return (
    <>
      <Checkbox checked={!said} onChange={(e) => say(!e.target.checked)}>{t("stageForm.followsBefore")}</Checkbox>
      {said && (
        <FieldFrame label={t("stageForm.needs")} path={[...path, "needs"]} findings={bound.findings} within>
          <Select mode="multiple" value={needs.map(String)} options={others} aria-label={t("stageForm.needs")} placeholder={t("stageForm.needsNothing")} style={{ width: "100%" }}
            onChange={(list: string[]) => onChange(change(text, (d) => d.setIn([...path, "needs"], d.createNode(list, { flow: true }))))} />
        </FieldFrame>
      )}
      <h3 className="section">{t("stageForm.when")}</h3>
      <p className="dim">{t("stageForm.whenText")}</p>
      {Array.from({ length: lengthAt(doc, [...path, "when"]) }, (_, i) => <When key={i} bound={bound} path={[...path, "when", i]} stages={others.map((o) => o.value)} />)}
      <span className="row">
        <Button size="small" onClick={() => onChange(change(text, append([...path, "when"], { variable: variableNames(doc)[0] ?? "", equals: "" })))}>{t("stageForm.whenVariable")}</Button>
        <Button size="small" disabled={others.length === 0} onClick={() => onChange(change(text, append([...path, "when"], { stage: before ?? others[0]?.value ?? "", is: ["succeeded"] })))}>{t("stageForm.whenStage")}</Button>
      </span>
    </>
  );
}

function When({ bound, path, stages }: { bound: Bound; path: Path; stages: readonly string[] }) {
  const { t, state } = useText();
  const { doc, text, onChange } = bound;
  const keys = keysAt(doc, path);
  const test = tests.find((k) => keys.includes(k)) ?? "equals";
  const turn = (to: Test) => {
    const value = textAt(doc, [...path, test]);
    onChange(change(text, remove([...path, test]), (d) => d.setIn([...path, to], to === "in" ? d.createNode([value], { flow: true }) : value)));
  };
  const list = (key: string) => {
    const value = valueAt(doc, [...path, key]);
    return Array.isArray(value) ? value.map(String) : [];
  };
  const write = (key: string, value: string | string[]) => onChange(change(text, (d) => d.setIn([...path, key], Array.isArray(value) ? d.createNode(value, { flow: true }) : value)));
  return (
    <Card size="small" className="gap" extra={<Button size="small" icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("stageForm.when")}`} onClick={() => onChange(change(text, remove(path)))} />}
      title={t(keys.includes("stage") ? "stageForm.whenStage" : "stageForm.whenVariable")}
    >
      {keys.includes("stage") ? (
        <div className="row">
          <Select className="wide" value={textAt(doc, [...path, "stage"])} aria-label={t("pipelines.stage")} options={stages.map((value) => ({ value, label: value }))} onChange={(v: string) => write("stage", v)} />
          <Select className="wide" mode="multiple" value={list("is")} aria-label={t("common.status")} options={["succeeded", "ignored", "skipped"].map((value) => ({ value, label: state(value) }))} onChange={(v: string[]) => write("is", v)} />
        </div>
      ) : (
        <div className="row">
          <Select className="wide" value={textAt(doc, [...path, "variable"])} aria-label={t("pipelines.variable")} options={variableNames(doc).map((value) => ({ value, label: value }))} onChange={(v: string) => write("variable", v)} />
          <Select value={test} aria-label={t("stageForm.test")} options={tests.map((value) => ({ value, label: t(`stageForm.${value}`) }))} onChange={turn} style={{ minWidth: 130 }} />
          {test === "in" ? (
            <Select className="wide" mode="tags" value={list("in")} aria-label={t("common.value")} onChange={(v: string[]) => write("in", v)} />
          ) : (
            <TextField bound={bound} path={[...path, test]} label={t("common.value")} bare onWrite={(v) => write(test, v)} />
          )}
        </div>
      )}
      <Problems path={path} findings={bound.findings} within />
    </Card>
  );
}
