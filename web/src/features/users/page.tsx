import { useState } from "react";
import { Button, Checkbox, Input, Select, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { users } from "../../api/queries";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, Labelled } from "../../ui/dialog";
import { filtered, List } from "../../ui/list";
import { Loaded, Page } from "../../ui/page";
import { Ago } from "../../ui/state";

type User = Noun<"User">;

export function UsersPage() {
  const { t } = useText();
  const client = useQueryClient();
  const query = useQuery(users);
  const [creating, create] = useState(false);
  const [deleting, remove] = useState<User>();
  const [renewing, renew] = useState<User>();
  const columns: TableColumnsType<User> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, u) => <>{u.name} {u.admin && <Tag color="blue">{t("users.admin")}</Tag>}</> },
    { title: t("users.email"), dataIndex: "email" },
    { title: t("users.phone"), dataIndex: "phone" },
    { title: t("users.locale"), dataIndex: "locale" },
    { title: t("common.created"), key: "created", render: (_, u) => <Ago time={u.created_at} /> },
    { title: t("common.actions"), key: "actions", render: (_, u) => (
      <span className="row">
        <Button size="small" onClick={() => renew(u)}>{t("users.changePassword")}</Button>
        <Button size="small" danger onClick={() => remove(u)} aria-label={`${t("common.delete")} ${u.name}`}>{t("common.delete")}</Button>
      </span>
    ) },
  ];
  const destroy = async () => {
    await need(api.DELETE("/api/v1/users/{name}", { params: { path: { name: deleting?.name ?? "" } } }));
    await client.invalidateQueries({ queryKey: ["users"] });
  };
  return (
    <Page title={t("app.users")} actions={<Button type="primary" onClick={() => create(true)}>{t("users.create")}</Button>}>
      <Loaded query={query}>{(items) => <List label={t("app.users")} items={filtered(items, {})} columns={columns} rowKey={(u) => u.name} />}</Loaded>
      <NewUser open={creating} onClose={() => create(false)} />
      {renewing && <PasswordDialog user={renewing.name} onClose={() => renew(undefined)} />}
      <Confirm open={deleting !== undefined} title={t("common.delete")} text={t("users.deleteText", { name: deleting?.name ?? "" })} word={deleting?.name} button={t("common.delete")} onClose={() => remove(undefined)} onConfirm={destroy} />
    </Page>
  );
}

function NewUser({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const blank = { name: "", password: "", email: "", phone: "", locale: "zh-CN" as "zh-CN" | "en", admin: false };
  const [user, set] = useState(blank);
  const submit = async () => {
    await need(api.POST("/api/v1/users", { body: user }));
    await client.invalidateQueries({ queryKey: ["users"] });
    set(blank);
  };
  return (
    <Dialog open={open} title={t("users.create")} button={t("common.create")} disabled={user.name === "" || user.password.length < 8} onClose={onClose} onSubmit={submit}>
      <Labelled label={t("common.name")}><Input value={user.name} autoFocus autoComplete="off" onChange={(e) => set({ ...user, name: e.target.value })} /></Labelled>
      <Labelled label={`${t("users.password")} (${t("users.short")})`}><Input.Password value={user.password} autoComplete="new-password" onChange={(e) => set({ ...user, password: e.target.value })} /></Labelled>
      <Labelled label={t("users.email")}><Input type="email" value={user.email} onChange={(e) => set({ ...user, email: e.target.value })} /></Labelled>
      <Labelled label={t("users.phone")}><Input type="tel" value={user.phone} onChange={(e) => set({ ...user, phone: e.target.value })} /></Labelled>
      <Labelled label={t("users.locale")}><Select value={user.locale} options={[{ value: "zh-CN" as const, label: "中文" }, { value: "en" as const, label: "English" }]} onChange={(locale) => set({ ...user, locale })} /></Labelled>
      <Checkbox checked={user.admin} onChange={(e) => set({ ...user, admin: e.target.checked })}>{t("users.admin")}</Checkbox>
    </Dialog>
  );
}

/** Changes a password: one's own needs the present one. */
export function PasswordDialog({ user, own = false, onClose }: { user: string; own?: boolean; onClose: () => void }) {
  const { t } = useText();
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const [repeat, setRepeat] = useState("");
  const differs = repeat !== "" && repeat !== password;
  const submit = () => need(api.PUT("/api/v1/users/{name}/password", { params: { path: { name: user } }, body: own ? { password, old_password: old } : { password } }));
  return (
    <Dialog open title={`${t("users.changePassword")}: ${user}`} button={t("common.save")} disabled={password.length < 8 || repeat !== password || (own && old === "")} onClose={onClose} onSubmit={submit}>
      {own && <Labelled label={t("users.oldPassword")}><Input.Password value={old} autoComplete="current-password" onChange={(e) => setOld(e.target.value)} /></Labelled>}
      <Labelled label={`${t("users.newPassword")} (${t("users.short")})`}><Input.Password value={password} autoComplete="new-password" onChange={(e) => setPassword(e.target.value)} /></Labelled>
      <Labelled label={t("users.repeat")}><Input.Password value={repeat} autoComplete="new-password" status={differs ? "error" : undefined} onChange={(e) => setRepeat(e.target.value)} /></Labelled>
      {differs && <p role="alert" className="findings error">{t("users.mismatch")}</p>}
    </Dialog>
  );
}
