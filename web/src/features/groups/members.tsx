import { useState } from "react";
import { App, AutoComplete, Button, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { members as membersQuery, users } from "../../api/queries";
import { useMay, type Role } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, Labelled } from "../../ui/dialog";
import { List } from "../../ui/list";
import { Loaded, Nothing } from "../../ui/page";
import { explain } from "../../ui/problem";
import { Ago } from "../../ui/state";
import { RoleSelect, RoleTag } from "./role";

type Member = Noun<"Member">;

/** Who has which role in a group; who manages it gives, changes and takes roles. */
export function Members({ group, manages }: { group: string; manages: boolean }) {
  const { t } = useText();
  const client = useQueryClient();
  const { message } = App.useApp();
  const query = useQuery(membersQuery(group));
  const [granting, grant] = useState(false);
  const [revoking, revoke] = useState<Member>();
  const refresh = () => Promise.all([client.invalidateQueries({ queryKey: ["groups"] }), client.invalidateQueries({ queryKey: ["me"] })]);
  const give = async (user: string, role: Role) => {
    await need(api.PUT("/api/v1/groups/{name}/members/{user}", { params: { path: { name: group, user } }, body: { role } }));
    void message.success(t("groups.roleSaved", { user, role: t(`roles.${role}`) }));
    await refresh();
  };
  const take = async () => {
    await need(api.DELETE("/api/v1/groups/{name}/members/{user}", { params: { path: { name: group, user: revoking?.user ?? "" } } }));
    await refresh();
  };
  const change = (user: string, role: Role) => void give(user, role).catch((e: unknown) => message.error(explain(e, t)));
  const columns: TableColumnsType<Member> = [
    { title: t("groups.user"), dataIndex: "user", sorter: (a, b) => a.user.localeCompare(b.user) },
    { title: t("roles.role"), key: "role", render: (_, m) => (manages ? <RoleSelect value={m.role} label={t("groups.changeRole", { user: m.user })} onChange={(role) => change(m.user, role)} /> : <RoleTag role={m.role} />) },
    { title: t("groups.grantedBy"), dataIndex: "granted_by" },
    { title: t("groups.grantedAt"), key: "at", render: (_, m) => <Ago time={m.granted_at} /> },
    ...(manages ? [{ title: t("common.actions"), key: "actions", render: (_: unknown, m: Member) => <Button size="small" danger aria-label={`${t("groups.revoke")} ${m.user}`} onClick={() => revoke(m)}>{t("groups.revoke")}</Button> }] : []),
  ];
  return (
    <>
      {manages && <div className="row"><Button type="primary" onClick={() => grant(true)}>{t("groups.grant")}</Button></div>}
      <Loaded query={query}>
        {(items) => (items.length === 0 ? <Nothing text={t("groups.noMembers")} /> : <List label={t("groups.members")} items={items} columns={columns} rowKey={(m) => m.user} />)}
      </Loaded>
      {granting && <GrantDialog group={group} taken={(query.data ?? []).map((m) => m.user)} onGrant={give} onClose={() => grant(false)} />}
      <Confirm open={revoking !== undefined} title={t("groups.revokeTitle")} text={t("groups.revokeText", { user: revoking?.user ?? "", group })} button={t("groups.revoke")} onClose={() => revoke(undefined)} onConfirm={take} />
    </>
  );
}

interface GrantProps {
  group: string;
  taken: readonly string[];
  onGrant: (user: string, role: Role) => Promise<void>;
  onClose: () => void;
}

export function GrantDialog({ group, taken, onGrant, onClose }: GrantProps) {
  const { t } = useText();
  const may = useMay();
  const list = useQuery({ ...users, enabled: may.admin }); // the list of users is for administrators; others type the name
  const [user, setUser] = useState("");
  const [role, setRole] = useState<Role>("read");
  const options = (list.data ?? []).filter((u) => !taken.includes(u.name)).map((u) => ({ value: u.name }));
  return (
    <Dialog open title={t("groups.grantTitle", { name: group })} button={t("groups.grant")} disabled={user === ""} onClose={onClose} onSubmit={() => onGrant(user.trim(), role)}>
      <Labelled label={t("groups.user")}>
        <AutoComplete value={user} options={options} aria-label={t("groups.user")} autoFocus onChange={setUser} showSearch={{ filterOption: (typed, o) => (o?.value ?? "").includes(typed) }} style={{ width: "100%" }} />
      </Labelled>
      <Labelled label={t("roles.role")}><RoleSelect value={role} label={t("roles.role")} onChange={setRole} /></Labelled>
    </Dialog>
  );
}
