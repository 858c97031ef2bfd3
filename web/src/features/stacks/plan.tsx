import { Tag } from "antd";
import type { Noun } from "../../api/client";
import { useText } from "../../i18n";
import { Findings } from "../../ui/problem";
import { StateTag } from "../../ui/state";
import { valueText } from "../../ui/value";

type Plan = Noun<"Plan">;
type Operation = Noun<"Operation">;
type Field = Noun<"FieldChange">;

const colour: Record<string, string> = { create: "success", update: "processing", replace: "warning", delete: "error", none: "default" };

export { valueText };

/** What a plan does, element by element and field by field. */
export function PlanView({ plan, states }: { plan: Plan; states?: boolean }) {
  const { t } = useText();
  const operations = (plan.operations ?? []).filter((op) => states === true || op.verb !== "none");
  return (
    <>
      {plan.warnings && plan.warnings.length > 0 && <Findings findings={plan.warnings} />}
      {operations.length === 0 && <p>{t("stacks.noChange")}</p>}
      {operations.map((op) => <OperationView key={`${op.verb}-${op.element}`} op={op} states={states ?? false} />)}
    </>
  );
}

function OperationView({ op, states }: { op: Operation; states: boolean }) {
  const { verb, said } = useText();
  const fields = op.fields ?? [];
  return (
    <div className="operation">
      <div className="operation-head">
        <Tag color={colour[op.verb]}>{verb(op.verb)}</Tag>
        <strong>{op.element}</strong>
        <span className="dim">{op.type}</span>
        {states && <StateTag state={op.state} />}
        {op.reason && <span>{said(op.reason)}</span>}
        {op.message && <span className="dim">{said(op.message)}</span>}
      </div>
      {fields.length > 0 && <FieldTable fields={fields} />}
    </div>
  );
}

function FieldTable({ fields }: { fields: readonly Field[] }) {
  const { t } = useText();
  return (
    <table className="diff">
      <thead><tr><th scope="col">{t("common.name")}</th><th scope="col">{t("stacks.before")}</th><th scope="col">{t("stacks.after")}</th></tr></thead>
      <tbody>
        {fields.map((f) => (
          <tr key={f.path}>
            <td>{f.path}</td>
            <td className={f.before === undefined ? "" : "before"}>
              {f.before === undefined ? "" : valueText(f.before)}
              {f.drifted && <div className="dim">{t("stacks.drifted", { value: f.live === undefined ? t("common.none") : valueText(f.live) })}</div>}
            </td>
            <td className={f.after === undefined && !f.unknown ? "" : "after"}>{f.unknown ? <em>{t("stacks.unknownYet")}</em> : f.after === undefined ? "" : valueText(f.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
