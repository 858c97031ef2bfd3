import { Button, Card, Input, InputNumber } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { groups } from "../../api/queries";
import { useText } from "../../i18n";
import { append, change, lengthAt, remove, set, textAt } from "./document";
import { ChoiceField, FieldFrame, Problems, TextField, type Bound } from "./field";
import { PeopleForm } from "./people";
import { ConditionsForm } from "./conditions";
import { PaceForm } from "./turns";

/** Name, group, description, variables, and what starts the pipeline by itself. */
export function BasicsForm({ fixedName, ...bound }: Bound & { fixedName: boolean }) {
  const { t } = useText();
  const list = useQuery(groups);
  const concurrency = (["queue", "reject", "cancel-previous"] as const).map((value) => ({ value, label: t(`pipelines.${value}`) }));
  return (
    <Card>
      <h2 className="section">{t("pipelines.basics")}</h2>
      <div className="pair">
        <TextField bound={bound} path={["name"]} label={t("common.name")} disabled={fixedName} />
        <ChoiceField bound={bound} path={["group"]} label={t("common.group")} fallback="default" options={(list.data ?? []).map((g) => ({ value: g.name, label: g.name }))} />
      </div>
      <TextField bound={bound} path={["description"]} label={t("common.description")} long />
      <ChoiceField bound={bound} path={["concurrency"]} label={t("pipelines.concurrency")} fallback="queue" options={concurrency} />
      <PaceForm bound={bound} />
      <KeepForm {...bound} />
      <PeopleForm {...bound} />
      <Variables {...bound} />
      <h2 className="section">{t("pipelines.start_conditions")}</h2>
      <ConditionsForm bound={bound} path={["start"]} />
    </Card>
  );
}

/** How much history stays. */
function KeepForm(bound: Bound) {
  const { t } = useText();
  const count = textAt(bound.doc, ["keep", "count"]);
  return (
    <>
      <FieldFrame label={t("pipelines.keepCount")} path={["keep", "count"]} findings={bound.findings}>
        <InputNumber min={1} precision={0} value={count === "" ? null : Number(count)} placeholder={t("pipelines.keepAll")} aria-label={t("pipelines.keepCount")} style={{ width: "100%" }}
          onChange={(v) => bound.onChange(change(bound.text, set(["keep", "count"], v ?? undefined)))} />
      </FieldFrame>
      <TextField bound={bound} path={["keep", "age"]} label={t("pipelines.keepAge")} placeholder={t("pipelines.keepAll")} hint={t("pipelines.keepHint")} />
    </>
  );
}

function Variables(bound: Bound) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const count = lengthAt(doc, ["variables"]);
  return (
    <>
      <h2 className="section">{t("pipelines.variables")}</h2>
      {Array.from({ length: count }, (_, i) => (
        <div className="row" key={i}>
          {(["name", "value", "description"] as const).map((key) => (
            <Input key={key} className="wide" value={textAt(doc, ["variables", i, key])} placeholder={t(`common.${key}`)} aria-label={`${t("pipelines.variable")} ${i + 1}: ${t(`common.${key}`)}`}
              onChange={(e) => onChange(change(text, key === "description" ? set(["variables", i, key], e.target.value) : (d) => d.setIn(["variables", i, key], e.target.value)))} />
          ))}
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("pipelines.variable")} ${i + 1}`} onClick={() => onChange(change(text, count === 1 ? remove(["variables"]) : remove(["variables", i])))} />
        </div>
      ))}
      <Problems path={["variables"]} findings={bound.findings} within />
      <p className="dim"><code>SYS_TIMESTAMP</code>, <code>SYS_INCREMENT</code>: {t("pipelines.system")}</p>
      <Button size="small" onClick={() => onChange(change(text, append(["variables"], { name: "", value: "" })))}>{t("pipelines.addVariable")}</Button>
    </>
  );
}
