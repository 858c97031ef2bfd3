// A text field that completes ${variables}: after "${" the names are listed, and choosing one writes it out.
import { useRef, useState } from "react";
import { AutoComplete, Input, type InputRef } from "antd";

/** Where a variable is being written: the text before it, what is typed of its name, the text behind. */
export function openVariable(text: string, caret: number): { before: string; typed: string; after: string } | undefined {
  const found = /\$\{([\w.-]*)$/.exec(text.slice(0, caret));
  if (!found || text[found.index - 1] === "$") return undefined; // $${ is a literal ${
  return { before: text.slice(0, found.index), typed: found[1] ?? "", after: text.slice(caret).replace(/^[\w.-]*\}?/, "") };
}

interface CompleteProps {
  value: string;
  onChange: (value: string) => void;
  /** Names of variables, without ${ and }. */
  names: readonly string[];
  "aria-label": string;
  "aria-invalid"?: boolean;
  status?: "error" | "warning";
  placeholder?: string;
  disabled?: boolean;
  className?: string;
  long?: boolean;
}

export function CompletedInput({ value, onChange, names, long = false, className, status, disabled, ...rest }: CompleteProps) {
  const field = useRef<HTMLInputElement | HTMLTextAreaElement | null>(null);
  const [caret, setCaret] = useState<number>();
  const open = caret === undefined ? undefined : openVariable(value, caret);
  const options = open ? names.filter((n) => n.startsWith(open.typed)).map((n) => ({ value: `${open.before}\${${n}}${open.after}`, label: <code>{`\${${n}}`}</code> })) : [];
  const note = () => setCaret(field.current?.selectionStart ?? undefined);
  const keep = (ref: InputRef | { resizableTextArea?: { textArea: HTMLTextAreaElement } } | null) => {
    field.current = ref && "input" in ref ? ref.input : ref && "resizableTextArea" in ref ? (ref.resizableTextArea?.textArea ?? null) : null;
  };
  return (
    <AutoComplete
      value={value}
      options={options}
      open={options.length > 0}
      onChange={(v: string) => {
        onChange(v);
        note();
      }}
      onSelect={() => setCaret(undefined)}
      onBlur={() => setCaret(undefined)}
      disabled={disabled}
      status={status}
      className={className}
      style={{ width: "100%" }}
    >
      {long ? <Input.TextArea ref={keep} {...rest} autoSize={{ minRows: 2, maxRows: 10 }} onSelect={note} /> : <Input ref={keep} {...rest} onSelect={note} />}
    </AutoComplete>
  );
}
