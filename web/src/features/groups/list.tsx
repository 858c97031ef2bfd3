import { useState } from "react";
import { Button, Input, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { groups } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Dialog, Labelled, RuledInput } from "../../ui/dialog";
import { filtered, Filters, List } from "../../ui/list";
import { Loaded, Nothing, Page } from "../../ui/page";
import { rules } from "../../ui/rules";
import { Ago } from "../../ui/state";
import { RoleTag } from "./role";

type Group = Noun<"Group">;

export function GroupsPage() {
  const { t, number } = useText();
  const may = useMay();
  const filter = useSearch({ from: "/shell/groups" });
  const navigate = useNavigate({ from: "/groups" });
  const query = useQuery(groups);
  const [creating, create] = useState(false);
  const columns: TableColumnsType<Group> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, g) => <><Link to="/groups/$name" params={{ name: g.name }} search={{}}>{g.name}</Link><div className="dim">{g.description}</div></> },
    { title: t("groups.role"), key: "role", render: (_, g) => <RoleTag role={g.role} /> },
    { title: t("groups.pipelines"), key: "pipelines", sorter: (a, b) => a.pipelines - b.pipelines, render: (_, g) => number(g.pipelines) },
    { title: t("groups.members"), key: "members", sorter: (a, b) => a.members - b.members, render: (_, g) => number(g.members) },
    { title: t("groups.limit"), key: "limit", render: (_, g) => g.limits.runs || <span className="dim">{t("groups.noLimit")}</span> },
    { title: t("common.created"), key: "created", render: (_, g) => <Ago time={g.created_at} /> },
  ];
  return (
    <Page title={t("places.groups")} actions={may.anywhere("manage") && <Button type="primary" onClick={() => create(true)}>{t("groups.create")}</Button>}>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Nothing text={may.admin ? t("groups.emptyAdmin") : t("groups.empty")} />
          ) : (
            <>
              <Filters filter={filter} onChange={(search) => void navigate({ search, replace: true })} />
              <List label={t("places.groups")} items={filtered(all, filter)} columns={columns} rowKey={(g) => g.name} />
            </>
          )
        }
      </Loaded>
      {creating && <NewGroup onClose={() => create(false)} />}
    </Page>
  );
}

function NewGroup({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [description, describe] = useState("");
  const submit = async () => {
    await need(api.POST("/api/v1/groups", { body: { name, description } }));
    await Promise.all([client.invalidateQueries({ queryKey: ["groups"] }), client.invalidateQueries({ queryKey: ["me"] })]);
    await navigate({ to: "/groups/$name", params: { name }, search: { tab: "users" } });
  };
  return (
    <Dialog open title={t("groups.create")} button={t("common.create")} disabled={name === "" || rules.group(name) !== undefined} onClose={onClose} onSubmit={submit}>
      <RuledInput label={t("common.name")} value={name} rule={rules.group} autoFocus onChange={setName} />
      <p className="dim">{t("groups.nameHint")}</p>
      <Labelled label={t("common.description")}><Input.TextArea value={description} maxLength={1000} autoSize={{ minRows: 2, maxRows: 6 }} onChange={(e) => describe(e.target.value)} /></Labelled>
    </Dialog>
  );
}
