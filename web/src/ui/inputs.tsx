// The inputs of a template as a form: name, type, value, description, constraints checked while typing.
import { useState } from "react";
import { Checkbox, Input, InputNumber, Select, Table, Tag, type TableColumnsType } from "antd";
import type { Noun } from "../api/client";
import { useText } from "../i18n";
import { CompletedInput } from "./complete";
import { labelled } from "./list";

export type TemplateInput = Noun<"Input">;
export type Given = Record<string, string | undefined>;

/** Why a value is not possible by the input's own constraints; undefined when it is. The server has the last word. */
export function wrong(input: TemplateInput, value: string | undefined): string | undefined {
  if (value === undefined || value === "" || value.includes("${")) return undefined;
  const number = Number(value);
  if (input.type === "integer" && !/^-?\d+$/.test(value)) return "an integer";
  if (input.type === "float" && Number.isNaN(number)) return "a number";
  if (input.type === "boolean" && !["true", "false"].includes(value)) return "true | false";
  for (const [keyword, operand] of Object.entries(input.constraints ?? {})) {
    if (!satisfies(keyword, operand, value, number)) return `${keyword}: ${JSON.stringify(operand)}`;
  }
  return undefined;
}

function satisfies(keyword: string, operand: unknown, value: string, number: number): boolean {
  const limit = Number(operand);
  const list = Array.isArray(operand) ? operand : [];
  switch (keyword) {
    case "equal": return value === String(operand);
    case "greater_than": return number > limit;
    case "greater_or_equal": return number >= limit;
    case "less_than": return number < limit;
    case "less_or_equal": return number <= limit;
    case "in_range": return number >= Number(list[0]) && number <= Number(list[1]);
    case "valid_values": return list.some((v) => String(v) === value);
    case "min_length": return value.length >= limit;
    case "max_length": return value.length <= limit;
    case "regex": return matches(String(operand), value);
    default: return true;
  }
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // the server's expressions are not quite the browser's
  }
}

interface InputsFormProps {
  inputs: readonly TemplateInput[];
  given: Given;
  onChange: (given: Given) => void;
  /** What an empty value stands for. */
  placeholder?: (input: TemplateInput) => string;
  /** Names of variables that may stand in a value; every value is then a text, and ${ completes them. */
  variables?: readonly string[];
  /** Values that are needed are only marked, not demanded: something else can give them. */
  lenient?: boolean;
}

export function InputsForm({ inputs, given, onChange, placeholder, variables, lenient = false }: InputsFormProps) {
  const { t } = useText();
  const [advanced, showAdvanced] = useState(false);
  const hidden = inputs.some((i) => i.advanced);
  const shown = inputs.filter((i) => advanced || !i.advanced);
  const set = (name: string, value: string | undefined) => onChange({ ...given, [name]: value === "" ? undefined : value });
  const columns: TableColumnsType<TemplateInput> = [
    {
      title: t("common.name"), key: "name", width: "24%",
      render: (_, i) => <><code>{i.name}</code> {i.required && <Tag color="error">{t("common.required")}</Tag>}{i.secret && <Tag>{t("common.secret")}</Tag>}</>,
    },
    { title: t("common.type"), key: "type", width: "12%", render: (_, i) => <span className="dim">{i.type}</span> },
    { title: t("common.value"), key: "value", width: "34%", render: (_, i) => <Field input={i} value={given[i.name]} set={(v) => set(i.name, v)} placeholder={placeholder?.(i)} variables={variables} lenient={lenient} /> },
    {
      title: t("common.description"), key: "description",
      render: (_, i) => <>{i.description}{i.constraints && <div className="dim">{Object.entries(i.constraints).map(([k, v]) => `${k}: ${JSON.stringify(v)}`).join(", ")}</div>}</>,
    },
  ];
  return (
    <>
      <Table<TemplateInput> className="wide-table" size="small" rowKey="name" dataSource={shown} columns={labelled(columns)} pagination={false} aria-label={t("common.inputs")} locale={{ emptyText: t("templates.noInputs") }} />
      {hidden && <Checkbox checked={advanced} onChange={(e) => showAdvanced(e.target.checked)}>{t("common.showAdvanced")}</Checkbox>}
    </>
  );
}

interface FieldProps {
  input: TemplateInput;
  value: string | undefined;
  set: (value: string | undefined) => void;
  placeholder?: string;
  variables?: readonly string[];
  lenient: boolean;
}

function Field({ input, value, set, placeholder, variables, lenient }: FieldProps) {
  const { said } = useText();
  const problem = wrong(input, value);
  const missing = !lenient && input.required && (value === undefined || value === "");
  const status = problem !== undefined ? "error" : missing ? "warning" : undefined;
  const common = { "aria-label": input.name, "aria-invalid": problem !== undefined, status, style: { width: "100%" } } as const;
  const hint = placeholder ?? (input.default === undefined ? "" : typeof input.default === "string" ? input.default : JSON.stringify(input.default));
  return (
    <>
      <Control input={input} value={value} set={set} hint={hint} variables={variables} common={common} />
      {problem !== undefined && <div role="alert" className="findings error">{said(problem)}</div>}
    </>
  );
}

interface ControlProps {
  input: TemplateInput;
  value: string | undefined;
  set: (value: string | undefined) => void;
  hint: string;
  variables?: readonly string[];
  common: { "aria-label": string; "aria-invalid": boolean; status?: "error" | "warning"; style: { width: string } };
}

function Control({ input, value, set, hint, variables, common }: ControlProps) {
  const choices = input.constraints?.valid_values;
  const change = (e: React.ChangeEvent<HTMLInputElement>) => set(e.target.value);
  if (input.secret) return <Input.Password {...common} value={value} placeholder={hint} onChange={change} autoComplete="new-password" />;
  if (variables) return <CompletedInput {...common} value={value ?? ""} placeholder={hint} names={variables} onChange={set} />;
  if (Array.isArray(choices)) return <Select allowClear {...common} value={value} placeholder={hint} options={choices.map((v) => ({ value: String(v), label: String(v) }))} onChange={(v?: string) => set(v)} />;
  if (input.type === "boolean") return <Select allowClear {...common} value={value} placeholder={hint} options={["true", "false"].map((v) => ({ value: v, label: v }))} onChange={(v?: string) => set(v)} />;
  if (input.type === "integer") return <InputNumber {...common} stringMode precision={0} value={value} placeholder={hint} onChange={(v) => set(v ?? undefined)} />;
  return <Input {...common} value={value} placeholder={hint} onChange={change} />;
}

/** The inputs that were given, in the types that the API wants. */
export function typed(inputs: readonly TemplateInput[], given: Given): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const input of inputs) {
    const value = given[input.name];
    if (value !== undefined) out[input.name] = value; // the server turns text into the input's type
  }
  return out;
}
