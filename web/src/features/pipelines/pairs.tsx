import { useState } from "react";
import { Button, Checkbox, Input } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useText } from "../../i18n";
import { CompletedInput } from "../../ui/complete";
import { change, keysAt, makeWay, remove, set, textAt, valueAt, type Path } from "./document";
import { Problems, type Bound } from "./field";

// The server keeps values with such names apart and masks them.
const secretWords = /authorization|token|secret|key|password|cookie|sign/i;

interface PairsProps {
  bound: Bound;
  path: Path;
  label: string;
  variables: readonly string[];
  /** Where the names are listed whose values are secret; without it none is. */
  secrets?: Path;
  /** A value that is no secret whatever its name says. */
  open?: (value: unknown) => boolean;
  hint?: string;
}

/** Names with values, as a map in the file. */
export function PairsForm({ bound, path, label, variables, secrets, open, hint }: PairsProps) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const names = keysAt(doc, path);
  const stored = secrets && valueAt(doc, secrets);
  const listed = Array.isArray(stored) ? stored.map(String) : typeof stored === "string" ? [stored] : [];
  const sure = (name: string) => secretWords.test(name) && !open?.(valueAt(doc, [...path, name]));
  const list = (next: string[]) => (secrets && next.join() !== listed.join() ? [next.length > 0 ? set(secrets, next) : remove(secrets)] : []);
  const write = (name: string, value: string) => onChange(change(text, (d) => { makeWay(d, [...path, name]); d.setIn([...path, name], value); }));
  const rename = (from: string, to: string) => {
    const entries = names.map((n): [string, unknown] => [n === from ? to : n, valueAt(doc, [...path, n])]);
    onChange(change(text, set(path, Object.fromEntries(entries)), ...list(listed.map((n) => (n === from ? to : n)))));
  };
  const drop = (name: string) => onChange(change(text, remove([...path, name]), ...list(listed.filter((n) => n !== name))));
  const turn = (name: string, on: boolean) => onChange(change(text, ...list(on ? [...listed, name] : listed.filter((n) => n !== name))));
  const free = () => {
    for (let n = names.length + 1; ; n++) if (!names.includes(`name-${n}`)) return `name-${n}`;
  };
  return (
    <div className="field" role="group" aria-label={label}>
      <span>{label}</span>
      {names.map((name, i) => (
        <div className="row" key={i}>
          <NameInput label={`${label}: ${t("common.name")} ${i + 1}`} name={name} taken={names} onRename={(to) => rename(name, to)} />
          {secrets && (listed.includes(name) || sure(name)) ? (
            <Input.Password className="wide" value={textAt(doc, [...path, name])} aria-label={`${label}: ${t("common.value")} ${i + 1}`} autoComplete="new-password" onChange={(e) => write(name, e.target.value)} />
          ) : (
            <CompletedInput className="wide" value={textAt(doc, [...path, name])} names={variables} aria-label={`${label}: ${t("common.value")} ${i + 1}`} onChange={(v) => write(name, v)} />
          )}
          {secrets && <Checkbox checked={listed.includes(name) || sure(name)} disabled={sure(name)} onChange={(e) => turn(name, e.target.checked)}>{t("common.secret")}</Checkbox>}
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${name}`} onClick={() => drop(name)} />
        </div>
      ))}
      {hint && <span className="dim">{hint}</span>}
      <Problems path={path} findings={bound.findings} within />
      <span><Button size="small" type="dashed" aria-label={`${t("common.add")} ${label}`} onClick={() => write(free(), "")}>{t("common.add")}</Button></span>
    </div>
  );
}

interface NameInputProps {
  label: string;
  name: string;
  taken: readonly string[];
  onRename: (to: string) => void;
}

/** The key of an entry. It follows the typing; what cannot be a key, because it is empty or taken, stays in the field until it can. */
function NameInput({ label, name, taken, onRename }: NameInputProps) {
  const [draft, setDraft] = useState<string>();
  const write = (typed: string) => {
    const free = typed !== "" && (typed === name || !taken.includes(typed));
    setDraft(free ? undefined : typed);
    if (free && typed !== name) onRename(typed);
  };
  return <Input className="wide" value={draft ?? name} status={draft === undefined ? undefined : "error"} aria-label={label} aria-invalid={draft !== undefined} onChange={(e) => write(e.target.value)} onBlur={() => setDraft(undefined)} />;
}
