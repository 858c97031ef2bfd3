import { useState, type ReactNode } from "react";
import { Checkbox, Input, Select } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import type { Role } from "../../app/may";
import { useText } from "../../i18n";
import { Dialog, Labelled, RuledInput } from "../../ui/dialog";
import { rules } from "../../ui/rules";
import { RoleSelect } from "../groups/role";
import { shortestPassword } from "./password";

type User = Noun<"User">;
type Locale = NonNullable<User["locale"]>;

interface Contact {
  email: string;
  phone: string;
  locale: Locale;
}

export const localeOptions: { value: Locale; label: string }[] = [{ value: "zh-CN", label: "中文" }, { value: "en", label: "English" }];

const reachable = (c: Contact) => rules.email(c.email) === undefined && rules.phone(c.phone) === undefined;

/** How somebody is reached, and in which language. */
function ContactFields({ value, onChange, children }: { value: Contact; onChange: (value: Contact) => void; children?: ReactNode }) {
  const { t } = useText();
  return (
    <>
      <RuledInput label={t("users.email")} type="email" value={value.email} rule={rules.email} onChange={(email) => onChange({ ...value, email })} />
      <RuledInput label={t("users.phone")} type="tel" value={value.phone} placeholder="+86 10 1234 5678" rule={rules.phone} onChange={(phone) => onChange({ ...value, phone })} />
      <Labelled label={t("users.locale")}><Select aria-label={t("users.locale")} value={value.locale} options={localeOptions} onChange={(locale) => onChange({ ...value, locale })} /></Labelled>
      {children}
    </>
  );
}

export function NewUser({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [contact, setContact] = useState<Contact>({ email: "", phone: "", locale: "zh-CN" });
  const [role, setRole] = useState<Role | "">("");
  const [admin, setAdmin] = useState(false);
  const submit = async () => {
    const { email, phone, locale } = contact;
    await need(api.POST("/api/v1/users", { body: { name, password, locale, admin, ...(email && { email }), ...(phone && { phone }), ...(role && { role }) } }));
    await Promise.all([client.invalidateQueries({ queryKey: ["users"] }), client.invalidateQueries({ queryKey: ["groups"] })]);
  };
  return (
    <Dialog open title={t("users.create")} button={t("common.create")} disabled={name === "" || rules.user(name) !== undefined || password.length < shortestPassword || !reachable(contact)} onClose={onClose} onSubmit={submit}>
      <RuledInput label={t("common.name")} value={name} rule={rules.user} autoFocus onChange={setName} />
      <Labelled label={`${t("users.password")} (${t("users.short")})`}><Input.Password value={password} autoComplete="new-password" onChange={(e) => setPassword(e.target.value)} /></Labelled>
      <Labelled label={t("people.roleInDefault")}><RoleSelect<Role | ""> value={role} none label={t("people.roleInDefault")} onChange={setRole} /></Labelled>
      <ContactFields value={contact} onChange={setContact}>
        <Checkbox checked={admin} onChange={(e) => setAdmin(e.target.checked)}>{t("users.admin")}</Checkbox>
      </ContactFields>
    </Dialog>
  );
}

/** Changes how a user is reached; of others also whether they administer the server. */
export function EditUser({ user, own, onClose }: { user: User; own: boolean; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [contact, setContact] = useState<Contact>({ email: user.email ?? "", phone: user.phone ?? "", locale: user.locale ?? "zh-CN" });
  const [admin, setAdmin] = useState(user.admin);
  const submit = async () => {
    await need(api.PATCH("/api/v1/users/{name}", { params: { path: { name: user.name } }, body: { ...contact, ...(admin === user.admin ? {} : { admin }) } }));
    await Promise.all([client.invalidateQueries({ queryKey: ["users"] }), client.invalidateQueries({ queryKey: ["me"] })]);
  };
  return (
    <Dialog open title={t("people.editTitle", { name: user.name })} button={t("common.save")} disabled={!reachable(contact)} onClose={onClose} onSubmit={submit}>
      <ContactFields value={contact} onChange={setContact}>
        {!own && <Checkbox checked={admin} onChange={(e) => setAdmin(e.target.checked)}>{t("users.admin")}</Checkbox>}
      </ContactFields>
    </Dialog>
  );
}
