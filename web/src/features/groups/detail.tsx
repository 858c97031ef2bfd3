import { useState } from "react";
import { Button, Input, InputNumber, Tabs, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { group as groupQuery, pipelines } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, Labelled } from "../../ui/dialog";
import { List } from "../../ui/list";
import { PipelineLink, RunLink } from "../../ui/name";
import { Facts, Loaded, Nothing, Page } from "../../ui/page";
import { Ago, StateTag } from "../../ui/state";
import { Members } from "./members";
import { RoleTag } from "./role";

type Group = Noun<"Group">;
type Pipeline = Noun<"Pipeline">;

export function GroupPage() {
  const { t } = useText();
  const may = useMay();
  const { name } = useParams({ from: "/shell/groups/$name" });
  const { tab } = useSearch({ from: "/shell/groups/$name" });
  const navigate = useNavigate();
  const client = useQueryClient();
  const query = useQuery(groupQuery(name));
  const [editing, edit] = useState(false);
  const [deleting, remove] = useState(false);
  const group = query.data;
  const manages = may.in(name, "manage");
  const destroy = async () => {
    await need(api.DELETE("/api/v1/groups/{name}", { params: { path: { name } } }));
    await navigate({ to: "/groups", search: {} });
    client.removeQueries({ queryKey: ["groups", name] });
    await Promise.all([client.invalidateQueries({ queryKey: ["groups"] }), client.invalidateQueries({ queryKey: ["me"] })]);
  };
  return (
    <Page
      title={name}
      trail={<Link to="/groups" search={{}}>{t("places.groups")}</Link>}
      note={group && <RoleTag role={group.role} />}
      actions={manages && group && (
        <>
          <Button onClick={() => edit(true)}>{t("common.edit")}</Button>
          {name !== "default" && <Button danger disabled={group.pipelines > 0} title={group.pipelines > 0 ? t("groups.holds") : undefined} onClick={() => remove(true)}>{t("common.delete")}</Button>}
        </>
      )}
    >
      <Loaded query={query}>
        {(g) => (
          <>
            <p className="dim">{g.description}</p>
            <Facts items={[[t("groups.pipelines"), g.pipelines], [t("groups.members"), g.members], [t("groups.limit"), g.limits.runs || t("groups.noLimit")], [t("common.created"), <Ago key="c" time={g.created_at} />]]} />
            <Tabs
              activeKey={tab ?? "pipelines"}
              onChange={(key) => void navigate({ to: "/groups/$name", params: { name }, search: { tab: key }, replace: true })}
              items={[
                { key: "pipelines", label: t("groups.pipelines"), children: <Pipelines group={name} /> },
                { key: "users", label: t("groups.members"), children: <Members group={name} manages={manages} /> },
              ]}
            />
            {editing && <EditGroup group={g} onClose={() => edit(false)} />}
          </>
        )}
      </Loaded>
      <Confirm open={deleting} title={t("groups.deleteTitle")} text={t("groups.deleteText", { name })} word="DELETE" button={t("common.delete")} onClose={() => remove(false)} onConfirm={destroy} />
    </Page>
  );
}

function Pipelines({ group }: { group: string }) {
  const { t } = useText();
  const query = useQuery(pipelines);
  const columns: TableColumnsType<Pipeline> = [
    { title: t("common.name"), key: "name", render: (_, p) => <><PipelineLink name={p.name} /><div className="dim">{p.description}</div></> },
    { title: t("common.status"), key: "status", render: (_, p) => <StateTag state={p.last_run?.state ?? "pending"} reason={p.last_run?.message} /> },
    { title: t("pipelines.lastRun"), key: "last", render: (_, p) => (p.last_run ? <RunLink id={p.last_run.id}>#{p.last_run.number} · <Ago time={p.last_run.created_at} /></RunLink> : <span className="dim">{t("pipelines.never")}</span>) },
    { title: t("common.updated"), key: "updated", render: (_, p) => <Ago time={p.updated_at} /> },
  ];
  return (
    <Loaded query={query}>
      {(all) => {
        const items = all.filter((p) => p.group === group);
        return items.length === 0 ? <Nothing text={t("groups.noPipelines")} /> : <List label={t("groups.pipelines")} items={items} columns={columns} rowKey={(p) => p.name} />;
      }}
    </Loaded>
  );
}

function EditGroup({ group, onClose }: { group: Group; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [description, describe] = useState(group.description ?? "");
  const [runs, setRuns] = useState<number | null>(group.limits.runs ?? null);
  const submit = async () => {
    await need(api.PATCH("/api/v1/groups/{name}", { params: { path: { name: group.name } }, body: { description, limits: { runs: runs ?? 0 } } }));
    await client.invalidateQueries({ queryKey: ["groups"] });
  };
  return (
    <Dialog open title={t("groups.editTitle", { name: group.name })} button={t("common.save")} onClose={onClose} onSubmit={submit}>
      <Labelled label={t("common.description")}><Input.TextArea value={description} autoFocus maxLength={1000} autoSize={{ minRows: 2, maxRows: 6 }} onChange={(e) => describe(e.target.value)} /></Labelled>
      <Labelled label={`${t("rules.limitRuns")} (${t("rules.unlimited")})`}><InputNumber min={1} max={1000} precision={0} value={runs === 0 ? null : runs} onChange={setRuns} style={{ width: "100%" }} /></Labelled>
    </Dialog>
  );
}
