import { Button, Card, Collapse } from "antd";
import { useText } from "../../i18n";
import { errorsAt } from "./canvas";
import { DeployForm } from "./deploy";
import { append, change, lengthAt, remove, textAt, type Path } from "./document";
import { beginnings, retype, taskTypes } from "./kinds";
import { RetryForm } from "./errors";
import { ChoiceField, pathText, TextField, type Bound } from "./field";
import { JobForm } from "./job";
import { TimeoutField } from "./timeout";

/** Several deployments and jobs as one stage, at the same time or one after the other. */
export function ParallelForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t, stageType } = useText();
  const { doc, text, onChange } = bound;
  const list = [...path, "tasks"];
  const count = lengthAt(doc, list);
  const names = Array.from({ length: count }, (_, i) => textAt(doc, [...list, i, "name"]));
  const serial = textAt(doc, [...path, "order"]) === "serial";
  const free = () => {
    for (let n = count + 1; ; n++) if (!names.includes(`task-${n}`)) return `task-${n}`;
  };
  return (
    <>
      <ChoiceField bound={bound} path={[...path, "order"]} label={t("stageForm.order")} fallback="parallel" options={[{ value: "parallel", label: t("stageForm.together") }, { value: "serial", label: t("stageForm.inTurn") }]} />
      <ChoiceField bound={bound} path={[...path, "on_task_failure"]} label={t("stageForm.onTaskFailure")} fallback={serial ? "stop" : "finish"} options={[{ value: "finish", label: t("stageForm.finish") }, { value: "stop", label: t("stageForm.stopOthers") }]} />
      <Collapse
        className="gap"
        defaultActiveKey={count === 1 ? "0" : undefined}
        items={names.map((name, i) => ({
          key: String(i),
          label: <span className={errorsAt(bound.findings, pathText([...list, i])) > 0 ? "findings error" : undefined}>{t("stageForm.task")}: {name}</span>,
          children: (
            <Card size="small" variant="borderless">
              <TextField bound={bound} path={[...list, i, "name"]} label={t("common.name")} />
              <ChoiceField bound={bound} path={[...list, i, "type"]} label={t("common.type")} options={taskTypes.map((value) => ({ value, label: stageType(value) }))} onSet={(type) => onChange(retype(text, doc, [...list, i], type))} />
              {textAt(doc, [...list, i, "type"]) === "job" ? <JobForm bound={bound} path={[...list, i]} /> : <><DeployForm bound={bound} path={[...list, i]} /><TimeoutField bound={bound} path={[...list, i, "timeout"]} /></>}
              <RetryForm bound={bound} path={[...list, i]} />
              <p><Button size="small" danger disabled={count === 1} onClick={() => onChange(change(text, remove([...list, i])))}>{t("stageForm.removeTask")}</Button></p>
            </Card>
          ),
        }))}
      />
      <Button size="small" onClick={() => onChange(change(text, append(list, { name: free(), type: "template-deploy", ...beginnings["template-deploy"] })))}>{t("stageForm.addTask")}</Button>
    </>
  );
}
