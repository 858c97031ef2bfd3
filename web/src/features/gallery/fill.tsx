import { useState } from "react";
import { Button, Card, Input, Select, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, need, type Finding, type Noun, Problem } from "../../api/client";
import { groups, targets, templates } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { ProblemAlert } from "../../ui/problem";
import { localText, type PipelineTemplate } from "./text";

type Placeholder = Noun<"Placeholder">;

/** Findings about a placeholder; the server writes their place as values.NAME. */
const about = (findings: readonly Finding[], name: string) => findings.filter((f) => f.path === `values.${name}` || f.path === name);

/** The placeholders of a template as a form, from which the editor makes a pipeline. */
export function FillForm({ template }: { template: PipelineTemplate }) {
  const { t } = useText();
  const navigate = useNavigate();
  const [values, setValues] = useState<Record<string, string>>(() => Object.fromEntries(template.placeholders.map((p) => [p.name, p.default ?? ""])));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const findings = error instanceof Problem ? error.findings : [];
  const told = template.placeholders.some((p) => about(findings, p.name).length > 0);
  const missing = template.placeholders.some((p) => p.required && (values[p.name] ?? "") === "");
  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const made = await need(api.POST("/api/v1/pipeline-templates/{name}/render", { params: { path: { name: template.name } }, body: { values } }));
      await navigate({ to: "/pipelines/new", state: { source: made.source } });
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Card title={t("gallery.fill")}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (!missing) void make();
        }}
      >
        {template.placeholders.map((p) => (
          <Field key={p.name} placeholder={p} value={values[p.name] ?? ""} findings={about(findings, p.name)} onChange={(v) => setValues({ ...values, [p.name]: v })} />
        ))}
        {error !== undefined && <ProblemAlert error={told && error instanceof Problem ? new Problem(error.status, error.code, error.message) : error} />}
        <Button type="primary" htmlType="submit" loading={busy} disabled={missing}>{t("gallery.toEditor")}</Button>
      </form>
    </Card>
  );
}

interface FieldProps {
  placeholder: Placeholder;
  value: string;
  findings: readonly Finding[];
  onChange: (value: string) => void;
}

function Field({ placeholder, value, findings, onChange }: FieldProps) {
  const { t, language, said } = useText();
  const label = localText(placeholder.description, language) || placeholder.name;
  return (
    <div className="field">
      <label>
        <span>{label} <code className="dim">{placeholder.name}</code> {placeholder.required && <Tag color="error">{t("common.required")}</Tag>}</span>
        <Control placeholder={placeholder} value={value} wrong={findings.length > 0} label={label} onChange={onChange} />
      </label>
      {findings.map((f, i) => <div key={i} role="alert" className={`findings ${f.severity}`}>{said(f.summary)}</div>)}
    </div>
  );
}

interface ControlProps {
  placeholder: Placeholder;
  value: string;
  wrong: boolean;
  label: string;
  onChange: (value: string) => void;
}

// What the names of placeholders usually mean is chosen from what is there; any other text stays possible but for groups.
function Control({ placeholder, value, wrong, label, onChange }: ControlProps) {
  const may = useMay();
  const name = placeholder.name;
  const status = wrong ? ("error" as const) : undefined;
  const groupList = useQuery({ ...groups, enabled: name === "group" });
  const targetList = useQuery({ ...targets, enabled: name === "target" });
  const templateList = useQuery({ ...templates, enabled: name === "template" });
  const common = { "aria-label": label, status, style: { width: "100%" } };
  if (name === "group") {
    const options = (groupList.data ?? []).filter((g) => may.in(g.name, "edit")).map((g) => ({ value: g.name, label: g.name }));
    return <Select {...common} value={value} options={options} onChange={onChange} />;
  }
  const known = name === "target" ? targetList.data : name === "template" ? templateList.data : undefined;
  if (placeholder.secret) return <Input.Password {...common} value={value} autoComplete="new-password" onChange={(e) => onChange(e.target.value)} />;
  return (
    <>
      <Input {...common} name={name} value={value} list={known ? `known-${name}` : undefined} onChange={(e) => onChange(e.target.value)} />
      {known && <datalist id={`known-${name}`}>{known.map((k) => <option key={k.name} value={k.name} />)}</datalist>}
    </>
  );
}
