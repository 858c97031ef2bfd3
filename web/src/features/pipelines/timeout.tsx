import { InputNumber } from "antd";
import { useText } from "../../i18n";
import { change, readDuration, set, textAt, writeDuration, type Path } from "./document";
import { Problems, TextField, type Bound } from "./field";

/** A duration in hours and minutes; one that was written in another way, such as 90s, stays a text. */
export function TimeoutField({ bound, path, label, hint }: { bound: Bound; path: Path; label?: string; hint?: string }) {
  const { t } = useText();
  const written = textAt(bound.doc, path);
  const value = readDuration(written);
  const put = (hours: number, minutes: number) => bound.onChange(change(bound.text, set(path, writeDuration(hours, minutes))));
  const name = label ?? t("pipelines.timeout");
  if (written !== "" && value === undefined) return <TextField bound={bound} path={path} label={name} hint={hint} />;
  const { hours, minutes } = value ?? { hours: 0, minutes: 0 };
  return (
    <div className="field" role="group" aria-label={name}>
      <span>{name}</span>
      <span className="row" style={{ margin: 0 }}>
        <InputNumber min={0} max={999} value={hours} aria-label={`${name}: ${t("pipelines.hours")}`} onChange={(v) => put(v ?? 0, minutes)} /> {t("pipelines.hours")}
        <InputNumber min={0} max={59} value={minutes} aria-label={`${name}: ${t("pipelines.minutes")}`} onChange={(v) => put(hours, v ?? 0)} /> {t("pipelines.minutes")}
      </span>
      {hint && <span className="dim">{hint}</span>}
      <Problems path={path} findings={bound.findings} />
    </div>
  );
}
