// How errors are told: what happened, and what can be done.
import { Alert, Button } from "antd";
import { Problem, type Finding } from "../api/client";
import { said, useText, type Translate } from "../i18n";

export function explain(error: unknown, t: Translate): string {
  if (error instanceof Problem) {
    if (error.status === 0) return t("common.unreachable");
    return said(error.message);
  }
  return error instanceof Error ? error.message : String(error);
}

export function where(f: Finding): string {
  const place = f.line ? `${f.file ? `${f.file}:` : ""}${f.line}${f.column ? `:${f.column}` : ""}` : (f.path ?? "");
  return place === "" ? "" : `${place}: `;
}

export function Findings({ findings }: { findings: readonly Finding[] }) {
  const { said } = useText();
  return (
    <ul className="findings">
      {findings.map((f, i) => (
        <li key={i} className={f.severity}>
          <code>{where(f)}</code>
          {said(f.summary)}
          {f.detail && <div className="dim">{said(f.detail)}</div>}
        </li>
      ))}
    </ul>
  );
}

export function ProblemAlert({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useText();
  if (error === null || error === undefined) return null;
  const findings = error instanceof Problem ? error.findings : [];
  return (
    <Alert
      type="error"
      role="alert"
      className="gap"
      title={explain(error, t)}
      description={findings.length > 0 ? <Findings findings={findings} /> : undefined}
      action={again && <Button size="small" onClick={again}>{t("common.retry")}</Button>}
    />
  );
}
