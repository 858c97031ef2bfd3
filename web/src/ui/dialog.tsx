import { useState, type ReactNode } from "react";
import { Input, Modal, type InputProps } from "antd";
import { useText } from "../i18n";
import { useFocusBack } from "./focus";
import { ProblemAlert } from "./problem";
import type { Rule } from "./rules";

interface DialogProps {
  open: boolean;
  title: string;
  button: string;
  /** The word for not doing it, when it is not "cancel". */
  cancel?: string;
  disabled?: boolean;
  onClose: () => void;
  /** Does the work; the dialog closes when it succeeded and shows the error when not. */
  onSubmit: () => Promise<unknown>;
  children: ReactNode;
}

export function Dialog({ open, title, button, cancel, disabled, onClose, onSubmit, children }: DialogProps) {
  const { t } = useText();
  useFocusBack(open);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = () => {
    setError(undefined);
    onClose();
  };
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit();
      close();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open={open} title={title} okText={button} cancelText={cancel ?? t("common.cancel")} okButtonProps={{ disabled }} confirmLoading={busy} onOk={() => void submit()} onCancel={close} destroyOnHidden>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (!disabled) void submit();
        }}
      >
        {children}
        <button type="submit" hidden />
      </form>
      <ProblemAlert error={error} />
    </Modal>
  );
}

export function Labelled({ label, children }: { label: string; children: ReactNode }) {
  return (
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  );
}

interface RuledInputProps extends Omit<InputProps, "onChange" | "value"> {
  label: string;
  value: string;
  rule: Rule;
  onChange: (value: string) => void;
}

/** A text that the server has a rule for. What is wrong with it stands below, before anything is sent. */
export function RuledInput({ label, value, rule, onChange, ...rest }: RuledInputProps) {
  const { said } = useText();
  const problem = rule(value);
  return (
    <div className="field wide">
      <label>
        <span>{label}</span>
        <Input {...rest} value={value} autoComplete="off" aria-invalid={problem !== undefined} status={problem === undefined ? undefined : "error"} onChange={(e) => onChange(e.target.value)} />
      </label>
      {problem !== undefined && <div role="alert" className="findings error">{said(problem)}</div>}
    </div>
  );
}
