import { useState } from "react";
import { Button, Input, Select, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { me, tokens } from "../../api/queries";
import { useText } from "../../i18n";
import { Link } from "@tanstack/react-router";
import { Confirm } from "../../ui/confirm";
import { Copyable } from "../../ui/copy";
import { Dialog, Labelled } from "../../ui/dialog";
import { List } from "../../ui/list";
import { Facts, Loaded, Page } from "../../ui/page";
import { Ago } from "../../ui/state";
import { RoleTag } from "../groups/role";
import { EditUser } from "./form";
import { PasswordDialog } from "./password";

type Token = Noun<"Token">;

export function AccountPage() {
  const { t } = useText();
  const user = useQuery(me);
  const [changing, change] = useState<"password" | "contact">();
  const close = () => change(undefined);
  return (
    <Page title={t("app.account")} actions={<><Button onClick={() => change("contact")}>{t("common.edit")}</Button><Button onClick={() => change("password")}>{t("users.changePassword")}</Button></>}>
      <Loaded query={user}>
        {(u) => (
          <>
            <Facts items={[[t("common.name"), u.name], [t("users.email"), u.email], [t("users.phone"), u.phone], [t("users.locale"), u.locale && (u.locale === "en" ? "English" : "中文")]]} />
            {!u.email && <p className="dim">{t("people.noEmail")}</p>}
            <Rights user={u} />
            {changing === "password" && <PasswordDialog user={u.name} own onClose={close} />}
            {changing === "contact" && <EditUser user={u} own onClose={close} />}
          </>
        )}
      </Loaded>
      <Tokens />
    </Page>
  );
}

function Rights({ user }: { user: Noun<"Me"> }) {
  const { t } = useText();
  return (
    <section className="section">
      <h2>{t("people.mine")}</h2>
      {user.admin && <p>{t("people.everything")}</p>}
      {!user.admin && user.groups.length === 0 && <p>{t("people.nothing")}</p>}
      <ul className="plain">
        {user.groups.map((g) => <li key={g.group}><Link to="/groups/$name" params={{ name: g.group }} search={{}}>{g.group}</Link><RoleTag role={g.role} /><span className="dim">{t(`roles.${g.role}Text`)}</span></li>)}
      </ul>
    </section>
  );
}

function Tokens() {
  const { t, time } = useText();
  const client = useQueryClient();
  const query = useQuery(tokens);
  const [creating, create] = useState(false);
  const [revoking, revoke] = useState<Token>();
  const [name, setName] = useState("");
  const [life, setLife] = useState("2160h");
  const [made, setMade] = useState<string>();
  const refresh = () => client.invalidateQueries({ queryKey: ["tokens"] });
  const submit = async () => {
    const token = await need(api.POST("/api/v1/tokens", { body: life === "" ? { name } : { name, expires_in: life } }));
    setMade(token.token);
    setName("");
    await refresh();
  };
  const destroy = async () => {
    await need(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: revoking?.id ?? "" } } }));
    await refresh();
  };
  const columns: TableColumnsType<Token> = [
    { title: t("users.tokenName"), dataIndex: "name" },
    { title: t("common.created"), key: "created", render: (_, x) => <Ago time={x.created_at} /> },
    { title: t("users.expires"), key: "expires", render: (_, x) => (x.expires_at ? time(x.expires_at) : t("users.never")) },
    { title: t("users.lastUsed"), key: "used", render: (_, x) => (x.last_used_at ? <Ago time={x.last_used_at} /> : t("users.never")) },
    { title: t("common.actions"), key: "actions", render: (_, x) => <Button size="small" danger onClick={() => revoke(x)}>{t("users.revoke")}</Button> },
  ];
  const lives = [...[7, 30, 90, 365].map((days) => ({ value: `${days * 24}h`, label: t("users.days", { count: days }) })), { value: "", label: t("users.never") }];
  return (
    <section className="section">
      <div className="page-head"><h2>{t("users.tokens")}</h2><Button onClick={() => create(true)}>{t("users.createToken")}</Button></div>
      {made !== undefined && <p>{t("users.tokenOnce")} <Copyable text={made} /></p>}
      <Loaded query={query}>{(items) => <List label={t("users.tokens")} items={items} columns={columns} rowKey={(x) => x.id} />}</Loaded>
      <Dialog open={creating} title={t("users.createToken")} button={t("common.create")} disabled={name === ""} onClose={() => create(false)} onSubmit={submit}>
        <Labelled label={t("users.tokenName")}><Input value={name} onChange={(e) => setName(e.target.value)} autoFocus /></Labelled>
        <Labelled label={t("users.expires")}><Select value={life} options={lives} onChange={setLife} /></Labelled>
      </Dialog>
      <Confirm open={revoking !== undefined} title={t("users.revoke")} text={t("users.revokeText", { name: revoking?.name ?? "" })} button={t("users.revoke")} onClose={() => revoke(undefined)} onConfirm={destroy} />
    </section>
  );
}
