import { Button, Checkbox, InputNumber, Select } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { groups, users } from "../../api/queries";
import { useText } from "../../i18n";
import { append, change, lengthAt, remove, set, textAt, valueAt, type Path } from "./document";
import { ChoiceField, FieldFrame, Problems, type Bound } from "./field";
import { TimeoutField } from "./timeout";

/** Who is asked, how many of them must agree, and how long the review waits. */
export function ReviewForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const people = useQuery({ ...users, retry: false });
  const list = valueAt(doc, [...path, "users"]);
  const mode = textAt(doc, [...path, "mode"]) || "all";
  const setMode = (value: string) => onChange(change(text, set([...path, "mode"], value), value === "at_least" ? set([...path, "count"], 2) : remove([...path, "count"])));
  return (
    <>
      <ChoiceField bound={bound} path={[...path, "mode"]} label={t("stageForm.reviewMode")} fallback="all" onSet={setMode}
        options={[{ value: "all", label: t("stageForm.reviewAll") }, { value: "one", label: t("stageForm.reviewOne") }, { value: "at_least", label: t("stageForm.reviewCount") }]} />
      {mode === "at_least" && (
        <FieldFrame label={t("stageForm.count")} path={[...path, "count"]} findings={bound.findings}>
          <InputNumber min={1} max={100} value={Number(textAt(doc, [...path, "count"]) || "1")} aria-label={t("stageForm.count")} onChange={(v) => onChange(change(text, set([...path, "count"], v ?? 1)))} />
        </FieldFrame>
      )}
      <FieldFrame label={t("pipelines.reviewUsers")} path={[...path, "users"]} findings={bound.findings} within>
        <Select mode="tags" value={Array.isArray(list) ? list.map(String) : []} aria-label={t("pipelines.reviewUsers")} style={{ width: "100%" }}
          options={(people.data ?? []).map((u) => ({ value: u.name, label: u.name }))} onChange={(names: string[]) => onChange(change(text, names.length > 0 ? set([...path, "users"], names) : remove([...path, "users"])))} />
      </FieldFrame>
      <ReviewGroups bound={bound} path={[...path, "groups"]} />
      <TimeoutField bound={bound} path={[...path, "expires"]} label={t("stageForm.expires")} hint={t("stageForm.expiresHint")} />
      <Checkbox checked={valueAt(doc, [...path, "comment"]) === true} onChange={(e) => onChange(change(text, set([...path, "comment"], e.target.checked ? true : undefined)))}>{t("decide.commentNeeded")}</Checkbox>
    </>
  );
}

function ReviewGroups({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const known = useQuery(groups);
  return (
    <div className="field" role="group" aria-label={t("stageForm.reviewGroups")}>
      <span>{t("stageForm.reviewGroups")}</span>
      {Array.from({ length: lengthAt(doc, path) }, (_, i) => (
        <div className="row" key={i}>
          <Select className="wide" value={textAt(doc, [...path, i, "group"])} aria-label={`${t("common.group")} ${i + 1}`} options={(known.data ?? []).map((g) => ({ value: g.name, label: g.name }))} onChange={(v: string) => onChange(change(text, set([...path, i, "group"], v)))} />
          <Select value={textAt(doc, [...path, i, "role"]) || "edit"} aria-label={`${t("stageForm.role")} ${i + 1}`} options={(["read", "edit", "manage"] as const).map((value) => ({ value, label: t(`stageForm.${value}`) }))} onChange={(v: string) => onChange(change(text, set([...path, i, "role"], v)))} style={{ minWidth: 130 }} />
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("common.group")} ${i + 1}`} onClick={() => onChange(change(text, lengthAt(doc, path) === 1 ? remove(path) : remove([...path, i])))} />
        </div>
      ))}
      <Problems path={path} findings={bound.findings} within />
      <span><Button size="small" onClick={() => onChange(change(text, append(path, { group: known.data?.[0]?.name ?? "default", role: "manage" })))}>{t("stageForm.addGroup")}</Button></span>
    </div>
  );
}
