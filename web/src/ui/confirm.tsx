import { useState, type ReactNode } from "react";
import { Button, Input, Modal } from "antd";
import { useText } from "../i18n";
import { useFocusBack } from "./focus";
import { ProblemAlert } from "./problem";

interface ConfirmProps {
  open: boolean;
  title: string;
  text: string;
  /** What must be typed before the button works; none: a plain question. */
  word?: string;
  button: string;
  /** It can be undone later, and nothing else is said. */
  revocable?: boolean;
  onClose: () => void;
  onConfirm: () => Promise<unknown>;
  children?: ReactNode;
}

/** Asks before something is lost. */
export function Confirm({ open, title, text, word, button, revocable = false, onClose, onConfirm, children }: ConfirmProps) {
  const { t } = useText();
  useFocusBack(open);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = () => {
    setTyped("");
    setError(undefined);
    onClose();
  };
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
      close();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const ready = word === undefined || typed === word;
  return (
    <Modal
      open={open}
      title={title}
      onCancel={close}
      destroyOnHidden
      footer={[
        <Button key="no" onClick={close}>{t("common.cancel")}</Button>,
        <Button key="yes" type="primary" danger disabled={!ready} loading={busy} onClick={() => void confirm()}>{button}</Button>,
      ]}
    >
      <p>{text} {!revocable && t("common.irreversible")}</p>
      {children}
      {word !== undefined && (
        <label className="field">
          <span>{t("common.typeToConfirm", { word })}</span>
          <Input value={typed} onChange={(e) => setTyped(e.target.value)} onPressEnter={() => ready && void confirm()} autoFocus autoComplete="off" />
        </label>
      )}
      <ProblemAlert error={error} />
    </Modal>
  );
}
