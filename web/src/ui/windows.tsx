import { Button, Input } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import type { Noun } from "../api/client";
import { useText } from "../i18n";

export type Window = Noun<"Window">;

const span = /^(?=.)(\d+h)?(\d+m)?(\d+s)?$/;

/** Whether a text is a span of time as the server writes it, such as 8h or 1h30m. */
export const isSpan = (text: string): boolean => span.test(text) && /[1-9]/.test(text);

/** A span without the parts that are nothing: the server writes 24h0m0s. */
export const tidySpan = (text: string): string => (isSpan(text) ? text.replaceAll(/(?<!\d)0[hms]/g, "") : text);

/** Recurring spans of time in which deploying stages may begin, as a list to edit. */
export function WindowsForm({ windows, onChange }: { windows: readonly Window[]; onChange: (windows: Window[]) => void }) {
  const { t } = useText();
  const change = (at: number, part: Partial<Window>) => onChange(windows.map((w, i) => (i === at ? { ...w, ...part } : w)));
  return (
    <div className="field" role="group" aria-label={t("rules.windows")}>
      <span>{t("rules.windows")}</span>
      <span className="dim">{t("rules.windowsText")}</span>
      {windows.map((w, i) => (
        <div key={i} className="row">
          <Input className="wide" style={{ minWidth: 230 }} prefix={<span className="dim">{t("rules.cron")}</span>} aria-label={`${t("rules.cron")} ${i + 1}`} value={w.cron} placeholder="0 9 * * 1-5" onChange={(e) => change(i, { cron: e.target.value })} />
          <Input style={{ flex: "1 1 110px" }} prefix={<span className="dim">{t("rules.duration")}</span>} aria-label={`${t("rules.duration")} ${i + 1}`} status={isSpan(w.duration) ? undefined : "error"} value={w.duration} placeholder="8h" onChange={(e) => change(i, { duration: e.target.value })} />
          <Input style={{ flex: "1 1 150px" }} prefix={<span className="dim">{t("rules.timezone")}</span>} aria-label={`${t("rules.timezone")} ${i + 1}`} value={w.timezone ?? ""} placeholder="UTC" onChange={(e) => change(i, { timezone: e.target.value || undefined })} />
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("rules.windows")} ${i + 1}`} onClick={() => onChange(windows.filter((_, n) => n !== i))} />
          {!isSpan(w.duration) && <span role="alert" className="findings error">{t("rules.wrongDuration")}</span>}
        </div>
      ))}
      <span><Button size="small" type="dashed" onClick={() => onChange([...windows, { cron: "0 9 * * 1-5", duration: "8h", timezone: Intl.DateTimeFormat().resolvedOptions().timeZone }])}>{t("rules.addWindow")}</Button></span>
    </div>
  );
}

/** Windows as they are told in lists. */
export function WindowsText({ windows }: { windows: readonly Window[] | null | undefined }) {
  const { t } = useText();
  if (!windows || windows.length === 0) return <span className="dim">{t("rules.always")}</span>;
  return <>{windows.map((w, i) => <div key={i}><code>{w.cron}</code> · {tidySpan(w.duration)} · {w.timezone ?? "UTC"}</div>)}</>;
}
