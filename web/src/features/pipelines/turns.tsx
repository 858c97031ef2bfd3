import { InputNumber } from "antd";
import { useText } from "../../i18n";
import { WindowsForm, type Window } from "../../ui/windows";
import { change, set, textAt, valueAt, type Path } from "./document";
import { FieldFrame, Problems, type Bound } from "./field";
import { TextsForm } from "./job";

/** The windows at a path of the file, as far as they can be read. */
export function windowsAt(bound: Pick<Bound, "doc">, path: Path): Window[] {
  const value = valueAt(bound.doc, path);
  if (!Array.isArray(value)) return [];
  return value.map((one: unknown) => {
    const w = (typeof one === "object" && one !== null ? one : {}) as Record<string, unknown>;
    const text = (v: unknown) => (typeof v === "string" || typeof v === "number" ? String(v) : "");
    return { cron: text(w.cron), duration: text(w.duration), ...(w.timezone === undefined ? {} : { timezone: text(w.timezone) }) };
  });
}

/** When deploying stages may begin. */
export function WindowsField({ bound, path }: { bound: Bound; path: Path }) {
  return (
    <>
      <WindowsForm windows={windowsAt(bound, path)} onChange={(list) => bound.onChange(change(bound.text, set(path, list.length === 0 ? undefined : list)))} />
      <Problems path={path} findings={bound.findings} within />
    </>
  );
}

/** What a stage shares with others: its locks, and its windows. */
export function TurnForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  return (
    <>
      <TextsForm bound={bound} path={[...path, "locks"]} label={t("rules.locks")} hint={t("rules.locksText")} />
      <WindowsField bound={bound} path={[...path, "windows"]} />
    </>
  );
}

/** How many runs of the pipeline go on at once, and its windows. */
export function PaceForm({ bound }: { bound: Bound }) {
  const { t } = useText();
  const runs = textAt(bound.doc, ["max_runs"]);
  return (
    <>
      <FieldFrame label={t("rules.maxRuns")} path={["max_runs"]} findings={bound.findings}>
        <InputNumber min={1} max={50} precision={0} value={runs === "" ? 1 : Number(runs)} aria-label={t("rules.maxRuns")} style={{ width: "100%" }}
          onChange={(v) => bound.onChange(change(bound.text, set(["max_runs"], v === null || v === 1 ? undefined : v)))} />
      </FieldFrame>
      <WindowsField bound={bound} path={["windows"]} />
    </>
  );
}
