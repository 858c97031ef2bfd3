import { useState } from "react";
import { Input } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { api, need } from "../../api/client";
import { useText } from "../../i18n";
import { Dialog, Labelled } from "../../ui/dialog";

export const shortestPassword = 8;

interface PasswordDialogProps {
  user: string;
  /** One's own password needs the present one. */
  own?: boolean;
  title?: string;
  /** Stands above the fields. */
  text?: string;
  cancel?: string;
  onClose: () => void;
}

export function PasswordDialog({ user, own = false, title, text, cancel, onClose }: PasswordDialogProps) {
  const { t } = useText();
  const client = useQueryClient();
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const [repeat, setRepeat] = useState("");
  const differs = repeat !== "" && repeat !== password;
  const submit = async () => {
    await need(api.PUT("/api/v1/users/{name}/password", { params: { path: { name: user } }, body: own ? { password, old_password: old } : { password } }));
    await client.invalidateQueries({ queryKey: ["me"] });
  };
  const ready = password.length >= shortestPassword && repeat === password && (!own || old !== "");
  return (
    <Dialog open title={title ?? `${t("users.changePassword")}${t("roles.colon")}${user}`} button={t("common.save")} cancel={cancel} disabled={!ready} onClose={onClose} onSubmit={submit}>
      {text && <p>{text}</p>}
      {own && <Labelled label={t("users.oldPassword")}><Input.Password value={old} autoFocus autoComplete="current-password" onChange={(e) => setOld(e.target.value)} /></Labelled>}
      <Labelled label={`${t("users.newPassword")} (${t("users.short")})`}><Input.Password value={password} autoComplete="new-password" onChange={(e) => setPassword(e.target.value)} /></Labelled>
      <Labelled label={t("users.repeat")}><Input.Password value={repeat} autoComplete="new-password" status={differs ? "error" : undefined} onChange={(e) => setRepeat(e.target.value)} /></Labelled>
      {differs && <p role="alert" className="findings error">{t("users.mismatch")}</p>}
    </Dialog>
  );
}
