import { Checkbox, InputNumber, Radio } from "antd";
import { useText } from "../../i18n";
import { change, remove, set, textAt, valueAt, type Path } from "./document";
import { Problems, TextField, type Bound } from "./field";
import { TimeoutField } from "./timeout";

/** What happens when a stage fails: tries again by itself, takes its stack back, and then one of three ways. */
export function ErrorForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const at = [...path, "on_error"];
  const action = textAt(doc, [...at, "action"]) || "return-to-start";
  const choose = (value: string) => onChange(change(text, set([...at, "action"], value), value === "stop" ? set([...at, "hold"], textAt(doc, [...at, "hold"]) || "72h") : remove([...at, "hold"])));
  return (
    <>
      <RetryForm bound={bound} path={path} />
      <div className="field" role="group" aria-label={t("stageForm.then")}>
        <span>{t("stageForm.then")}</span>
        <Radio.Group
          value={action}
          onChange={(e) => choose(String(e.target.value))}
          options={[{ value: "return-to-start", label: t("stageForm.returnToStart") }, { value: "stop", label: t("stageForm.stop") }, { value: "ignore", label: t("stageForm.ignore") }]}
          vertical
        />
        <Problems path={at} findings={bound.findings} within />
      </div>
      {action === "stop" && <TimeoutField bound={bound} path={[...at, "hold"]} label={t("stageForm.hold")} />}
    </>
  );
}

/** Tries of a stage or task by itself, and whether a failed deployment takes its stack back. */
export function RetryForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const attempts = Number(textAt(doc, [...path, "retry", "attempts"]) || "0");
  const put = (n: number) => onChange(change(text, n > 0 ? set([...path, "retry", "attempts"], n) : remove([...path, "retry"])));
  return (
    <>
      <div className="field" role="group" aria-label={t("stageForm.retry")}>
        <span>{t("stageForm.retry")}</span>
        <span className="row" style={{ margin: 0 }}><InputNumber min={0} max={20} value={attempts} aria-label={t("stageForm.retry")} onChange={(v) => put(v ?? 0)} /> {t("stageForm.times")}</span>
        <Problems path={[...path, "retry"]} findings={bound.findings} within />
      </div>
      {attempts > 0 && <TextField bound={bound} path={[...path, "retry", "backoff"]} label={t("stageForm.backoff")} placeholder="10s" />}
      {textAt(doc, [...path, "type"]) === "template-deploy" && (
        <Checkbox checked={valueAt(doc, [...path, "rollback"]) === true} onChange={(e) => onChange(change(text, set([...path, "rollback"], e.target.checked ? true : undefined)))}>{t("stageForm.rollback")}</Checkbox>
      )}
    </>
  );
}
