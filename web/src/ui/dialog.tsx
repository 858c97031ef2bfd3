import { useState, type ReactNode } from "react";
import { Modal } from "antd";
import { useText } from "../i18n";
import { ProblemAlert } from "./problem";

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
