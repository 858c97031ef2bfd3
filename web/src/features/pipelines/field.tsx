// Fields that are bound to a path of the pipeline's document.
import type { ReactNode } from "react";
import { AutoComplete, Input, Select } from "antd";
import type { Document } from "yaml";
import type { Finding } from "../../api/client";
import { useText } from "../../i18n";
import { CompletedInput } from "../../ui/complete";
import { change, set, textAt, type Path } from "./document";

export interface Bound {
  doc: Document;
  text: string;
  onChange: (text: string) => void;
  findings: readonly Finding[];
}

/** A path as findings write it: stages[0].deploy.stack. */
export const pathText = (path: Path): string =>
  path.map((p, i) => (typeof p === "number" ? `[${p}]` : i === 0 ? p : `.${p}`)).join("");

interface FrameProps {
  label: string;
  path: Path;
  findings: readonly Finding[];
  children: ReactNode;
  hint?: string;
  /** Shows also what was found within the place. */
  within?: boolean;
}

export function FieldFrame({ label, path, findings, children, hint, within }: FrameProps) {
  return (
    <div className="field">
      <label>
        <span>{label}</span>
        {children}
      </label>
      {hint && <span className="dim">{hint}</span>}
      <Problems path={path} findings={findings} within={within} />
    </div>
  );
}

/** What the server found at a place of the file, in its own words. */
export function Problems({ path, findings, within = false }: { path: Path; findings: readonly Finding[]; within?: boolean }) {
  const { said } = useText();
  const place = pathText(path);
  const mine = findings.filter((f) => f.path === place || (within && (f.path?.startsWith(`${place}.`) === true || f.path?.startsWith(`${place}[`) === true)));
  return <>{mine.map((f, i) => <div key={i} role="alert" className={`findings ${f.severity}`}>{said(f.summary)}{f.detail && <div className="dim">{said(f.detail)}</div>}</div>)}</>;
}

interface TextFieldProps {
  bound: Bound;
  path: Path;
  label: string;
  /** Suggestions; other texts are possible. */
  options?: readonly string[];
  disabled?: boolean;
  hint?: string;
  placeholder?: string;
  long?: boolean;
  /** Names of variables that ${ completes. */
  complete?: readonly string[];
  onSet?: (value: string) => void;
  /** Without a label in sight, as part of a row. */
  bare?: boolean;
  /** Writes the value in place of setting the key, which an empty text takes away. */
  onWrite?: (value: string) => void;
}

export function TextField({ bound, path, label, options, disabled, hint, placeholder, long, complete, onSet, bare, onWrite }: TextFieldProps) {
  const value = textAt(bound.doc, path);
  const put = (v: string) => {
    if (onWrite) onWrite(v);
    else bound.onChange(change(bound.text, set(path, v)));
    onSet?.(v);
  };
  const status = bound.findings.some((f) => f.path === pathText(path) && f.severity === "error") ? ("error" as const) : undefined;
  const common = { value, disabled, placeholder, status, "aria-label": label };
  if (bare) return <Input className="wide" {...common} onChange={(e) => put(e.target.value)} />;
  return (
    <FieldFrame label={label} path={path} findings={bound.findings} hint={hint}>
      {complete ? (
        <CompletedInput {...common} names={complete} long={long} onChange={put} />
      ) : options ? (
        <AutoComplete {...common} options={options.map((o) => ({ value: o }))} onChange={put} showSearch={{ filterOption: (typed, o) => (o?.value ?? "").includes(typed) }} style={{ width: "100%" }} />
      ) : long ? (
        <Input.TextArea {...common} autoSize={{ minRows: 2, maxRows: 10 }} onChange={(e) => put(e.target.value)} />
      ) : (
        <Input {...common} onChange={(e) => put(e.target.value)} />
      )}
    </FieldFrame>
  );
}

interface ChoiceFieldProps {
  bound: Bound;
  path: Path;
  label: string;
  options: readonly { value: string; label: string }[];
  /** What holds when the key is not there. */
  fallback?: string;
  onSet?: (value: string) => void;
}

export function ChoiceField({ bound, path, label, options, fallback, onSet }: ChoiceFieldProps) {
  const value = textAt(bound.doc, path) || fallback;
  const put = (v: string) => (onSet ? onSet(v) : bound.onChange(change(bound.text, set(path, v))));
  return (
    <FieldFrame label={label} path={path} findings={bound.findings}>
      <Select value={value} options={[...options]} onChange={put} aria-label={label} style={{ width: "100%" }} />
    </FieldFrame>
  );
}
