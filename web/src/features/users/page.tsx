import { useState } from "react";
import { App, Button, Dropdown, Space, Tag, type TableColumnsType } from "antd";
import EllipsisOutlined from "@ant-design/icons/EllipsisOutlined";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { me, users } from "../../api/queries";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Filters, List } from "../../ui/list";
import { Loaded, Page } from "../../ui/page";
import { explain } from "../../ui/problem";
import { Ago } from "../../ui/state";
import { EditUser, NewUser } from "./form";
import { PasswordDialog } from "./password";

type User = Noun<"User">;
type Asked = { what: "delete" | "disable" | "password" | "edit"; user: User };

export function UsersPage() {
  const { t } = useText();
  const client = useQueryClient();
  const own = useQuery(me).data?.name;
  const filter = useSearch({ from: "/shell/users" });
  const navigate = useNavigate({ from: "/users" });
  const query = useQuery(users);
  const [creating, create] = useState(false);
  const [asked, ask] = useState<Asked>();
  const { message } = App.useApp();
  const done = () => ask(undefined);
  const refresh = () => client.invalidateQueries({ queryKey: ["users"] });
  const able = async (user: User, disabled: boolean) => {
    await need(api.PATCH("/api/v1/users/{name}", { params: { path: { name: user.name } }, body: { disabled } }));
    await refresh();
  };
  const destroy = async (user: User) => {
    await need(api.DELETE("/api/v1/users/{name}", { params: { path: { name: user.name } } }));
    await refresh();
  };
  const actionsOf = (u: User) => [
    { key: "password", label: t("users.changePassword") },
    ...(u.name === own ? [] : [u.disabled ? { key: "enable", label: t("people.enable") } : { key: "disable", label: t("people.disable") }, { key: "delete", label: t("common.delete"), danger: true }]),
  ];
  const columns: TableColumnsType<User> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, u) => (
      <>{u.name} {u.admin && <Tag color="processing">{t("users.admin")}</Tag>}{u.disabled && <Tag>{t("people.disabled")}</Tag>}{" "}{u.name === own && <span className="dim">{t("people.you")}</span>}</>
    ) },
    { title: t("users.email"), dataIndex: "email" },
    { title: t("users.phone"), dataIndex: "phone" },
    { title: t("users.locale"), key: "locale", render: (_, u) => (u.locale === "en" ? "English" : u.locale === "zh-CN" ? "中文" : "–") },
    { title: t("common.created"), key: "created", render: (_, u) => <Ago time={u.created_at} /> },
    { title: t("common.actions"), key: "actions", render: (_, u) => (
      <Space.Compact size="small">
        <Button aria-label={`${t("common.edit")} ${u.name}`} onClick={() => ask({ what: "edit", user: u })}>{t("common.edit")}</Button>
        <Dropdown trigger={["click"]} menu={{ items: actionsOf(u), onClick: ({ key }) => (key === "enable" ? void able(u, false).catch((e: unknown) => message.error(explain(e, t))) : ask({ what: key as Asked["what"], user: u })) }}>
          <Button icon={<EllipsisOutlined />} aria-label={`${t("common.actions")} ${u.name}`} />
        </Dropdown>
      </Space.Compact>
    ) },
  ];
  const search = filter.search?.toLowerCase() ?? "";
  const found = (u: User) => u.name.includes(search) || u.email?.toLowerCase().includes(search) === true;
  return (
    <Page title={t("app.users")} actions={<Button type="primary" onClick={() => create(true)}>{t("users.create")}</Button>}>
      <Filters filter={filter} onChange={(s) => void navigate({ search: s, replace: true })} />
      <Loaded query={query}>{(items) => <List label={t("app.users")} items={items.filter(found)} columns={columns} rowKey={(u) => u.name} />}</Loaded>
      {creating && <NewUser onClose={() => create(false)} />}
      {asked?.what === "edit" && <EditUser user={asked.user} own={asked.user.name === own} onClose={done} />}
      {asked?.what === "password" && <PasswordDialog user={asked.user.name} own={asked.user.name === own} onClose={done} />}
      {asked?.what === "disable" && <Confirm open title={t("people.disableTitle")} text={t("people.disableText", { name: asked.user.name })} button={t("people.disable")} onClose={done} onConfirm={() => able(asked.user, true)} revocable />}
      {asked?.what === "delete" && <Confirm open title={t("common.delete")} text={t("users.deleteText", { name: asked.user.name })} word={asked.user.name} button={t("common.delete")} onClose={done} onConfirm={() => destroy(asked.user)} />}
    </Page>
  );
}
