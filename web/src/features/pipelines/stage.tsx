import { useState } from "react";
import { Button, Card, Collapse, Dropdown, Input } from "antd";
import { useText } from "../../i18n";
import { Findings } from "../../ui/problem";
import { sideText, type Side } from "../../picture/box";
import { ConditionsForm } from "./conditions";
import { DeployForm } from "./deploy";
import { change, lengthAt, textAt, type Path } from "./document";
import { ErrorForm } from "./errors";
import { errorsAt } from "./canvas";
import { ChoiceField, FieldFrame, pathText, type Bound } from "./field";
import { FlowForm } from "./flow";
import { JobForm } from "./job";
import { retype, stageTypes } from "./kinds";
import { NotificationsForm } from "./notifications";
import { followName } from "./order";
import { ParallelForm } from "./parallel";
import { ReviewForm } from "./review";
import { TimeoutField } from "./timeout";
import { TurnForm } from "./turns";

interface StageFormProps extends Bound {
  index: number;
  /** The names of all stages, in the order of the file. */
  names: readonly string[];
  onAdd: (side: Side) => void;
  onShift: (by: -1 | 1) => void;
  onRemove: () => void;
}

export function StageForm({ index, names, onAdd, onShift, onRemove, ...bound }: StageFormProps) {
  const { t, stageType } = useText();
  const { doc, text, onChange } = bound;
  const path: Path = ["stages", index];
  const name = textAt(doc, [...path, "name"]);
  const type = textAt(doc, [...path, "type"]);
  const known = stageTypes.find((x) => x === type);
  const types = [...new Set([...stageTypes, ...(type ? [type] : [])])].map((value) => ({ value, label: stageType(value) }));
  const sides = (["before", "after", "beside"] as const).map((key) => ({ key, label: t(sideText[key], { stage: name }) }));
  const count = (key: string) => (lengthAt(doc, [...path, key]) || lengthAt(doc, [...path, key, "conditions"]) ? ` (${lengthAt(doc, [...path, key]) || lengthAt(doc, [...path, key, "conditions"])})` : "");
  const wrong = (...keys: string[]) => keys.some((k) => errorsAt(bound.findings, pathText([...path, k])) > 0);
  const section = (key: string, label: string, children: React.ReactNode, ...keys: string[]) => ({ key, label: <span className={wrong(...keys) ? "findings error" : undefined}>{label}</span>, children });
  return (
    <Card
      title={`${t("pipelines.stage")}${t("roles.colon")}${name}`}
      extra={
        <span className="row" style={{ margin: 0 }}>
          <Dropdown trigger={["click"]} menu={{ items: sides, onClick: ({ key }) => onAdd(key as Side) }}><Button size="small">+ {t("pipelines.addStage")}</Button></Dropdown>
          <Button size="small" disabled={index === 0} onClick={() => onShift(-1)}>{t("pipelines.moveUp")}</Button>
          <Button size="small" disabled={index === names.length - 1} onClick={() => onShift(1)}>{t("pipelines.moveDown")}</Button>
          <Button size="small" danger disabled={names.length === 1} onClick={onRemove}>{t("pipelines.removeStage")}</Button>
        </span>
      }
    >
      <Findings findings={bound.findings.filter((f) => f.path === pathText(path))} />
      <div className="pair">
        <NameField bound={bound} path={[...path, "name"]} />
        <ChoiceField bound={bound} path={[...path, "type"]} label={t("common.type")} options={types} onSet={(to) => onChange(retype(text, doc, path, to))} />
      </div>
      {type === "template-deploy" && <><DeployForm bound={bound} path={path} /><TimeoutField bound={bound} path={[...path, "timeout"]} /></>}
      {type === "job" && <JobForm bound={bound} path={path} />}
      {type === "review" && <ReviewForm bound={bound} path={[...path, "review"]} />}
      {type === "parallel" && <ParallelForm bound={bound} path={path} />}
      {known === undefined && <><Findings findings={bound.findings.filter((f) => f.path?.startsWith(pathText(path)))} /><p className="dim">{t("pipelines.otherType", { type })}</p></>}
      <h2 className="section">{t("stageForm.advanced")}</h2>
      <Collapse
        className="gap"
        items={[
          section("flow", t("stageForm.flow"), <FlowForm bound={bound} path={path} name={name} names={names} />, "needs", "when"),
          section("turn", t("rules.flow") + count("locks"), <TurnForm bound={bound} path={path} />, "locks", "windows"),
          section("error", t("stageForm.onError"), <ErrorForm bound={bound} path={path} />, "on_error", "retry", "rollback"),
          section("triggers", t("stageForm.triggers") + count("triggers"), <><p className="dim">{t("stageForm.triggersText")}</p><ConditionsForm bound={bound} path={[...path, "triggers"]} /></>, "triggers"),
          section("notifications", t("stageForm.notifications") + count("notifications"), <><p className="dim">{t("stageForm.notificationsText")}</p><NotificationsForm bound={bound} path={[...path, "notifications"]} /></>, "notifications"),
        ]}
      />
    </Card>
  );
}

/** The name of a stage. What other stages say of it follows when the field is left, so that half a name takes nothing along. */
function NameField({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange, findings } = bound;
  const value = textAt(doc, path);
  const [before, setBefore] = useState(value);
  const write = (name: string) => onChange(change(text, (d) => d.setIn(path, name)));
  return (
    <FieldFrame label={t("pipelines.stageName")} path={path} findings={findings}>
      <Input value={value} aria-label={t("pipelines.stageName")} maxLength={64} onFocus={() => setBefore(value)} onChange={(e) => write(e.target.value)}
        onBlur={() => before !== value && value !== "" && onChange(followName(text, before, value))} />
    </FieldFrame>
  );
}
