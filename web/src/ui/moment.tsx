import { Input } from "antd";

/** A moment as the browser's own field has it, in local time: 2026-11-27T09:00. */
export function toField(iso: string | undefined): string {
  if (!iso) return "";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The moment that a field names, in UTC; undefined when it names none. */
export function fromField(text: string): string | undefined {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

interface MomentInputProps {
  label: string;
  value: string | undefined;
  onChange: (iso: string | undefined) => void;
}

/** Date and time of day, with the browser's own calendar. */
export function MomentInput({ label, value, onChange }: MomentInputProps) {
  return <Input type="datetime-local" prefix={<span className="dim">{label}</span>} aria-label={label} value={toField(value)} onChange={(e) => onChange(fromField(e.target.value))} />;
}
