import { useState } from "react";
import { Button, type TableColumnsType } from "antd";
import PlayCircleOutlined from "@ant-design/icons/PlayCircleOutlined";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { pipelines } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { LinkButton } from "../../ui/link";
import { filtered, Filters, List } from "../../ui/list";
import { PipelineLink, RunLink } from "../../ui/name";
import { Loaded, Nothing, Page } from "../../ui/page";
import { Ago, StateTag } from "../../ui/state";
import { StartDialog } from "./start";

type Pipeline = Noun<"Pipeline">;

const statusOf = (p: Pipeline) => p.last_run?.state ?? "pending";
const statuses = ["pending", "queued", "running", "waiting", "held", "succeeded", "failed", "canceled", "timed-out"];

export function PipelinesPage() {
  const { t } = useText();
  const filter = useSearch({ from: "/shell/pipelines" });
  const navigate = useNavigate({ from: "/pipelines" });
  const query = useQuery(pipelines);
  const [starting, start] = useState<Pipeline>();
  const [stopping, stop] = useState<Pipeline>();
  const [removing, remove] = useState<Pipeline>();
  const client = useQueryClient();
  const may = useMay();
  const refresh = () => client.invalidateQueries({ queryKey: ["pipelines"] });
  const stopRun = async () => {
    await need(api.POST("/api/v1/runs/{id}/stop", { params: { path: { id: stopping?.last_run?.id ?? "" } } }));
    await refresh();
  };
  const destroy = async () => {
    await need(api.DELETE("/api/v1/pipelines/{name}", { params: { path: { name: removing?.name ?? "" } } }));
    await refresh();
  };
  const create = may.anywhere("edit") && (
    <>
      <LinkButton to="/pipeline-templates" search={{}}>{t("gallery.fromTemplate")}</LinkButton>
      <LinkButton look="primary" to="/pipelines/new">{t("pipelines.create")}</LinkButton>
    </>
  );
  const columns: TableColumnsType<Pipeline> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, p) => <><PipelineLink name={p.name} /><div className="dim">{p.description}</div></> },
    { title: t("common.status"), key: "status", render: (_, p) => <StateTag state={statusOf(p)} reason={p.last_run?.message} /> },
    { title: t("pipelines.lastRun"), key: "last", sorter: (a, b) => (a.last_run?.created_at ?? "").localeCompare(b.last_run?.created_at ?? ""),
      render: (_, p) => (p.last_run ? <RunLink id={p.last_run.id}>#{p.last_run.number} · <Ago time={p.last_run.created_at} /></RunLink> : <span className="dim">{t("pipelines.never")}</span>) },
    { title: t("common.group"), dataIndex: "group" },
    { title: t("pipelines.stages"), key: "stages", render: (_, p) => p.spec.stages?.map((s) => s.name).join(" → ") },
    { title: t("common.actions"), key: "actions", render: (_, p) => <RowActions pipeline={p} onStart={() => start(p)} onStop={() => stop(p)} onRemove={() => remove(p)} /> },
  ];
  return (
    <Page title={t("app.pipelines")} actions={create}>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Nothing text={t("pipelines.empty")}>{create}</Nothing>
          ) : (
            <>
              <Filters filter={filter} statuses={statuses} groups={[...new Set(all.map((p) => p.group))].sort()} onChange={(search) => void navigate({ search: search, replace: true })} />
              <List label={t("app.pipelines")} items={filtered(all, filter, { status: statusOf, group: (p) => p.group })} columns={columns} rowKey={(p) => p.name} />
            </>
          )
        }
      </Loaded>
      {starting && <StartDialog pipeline={starting} onClose={() => start(undefined)} />}
      <Confirm open={stopping !== undefined} title={t("pipelines.stopRun", { number: stopping?.last_run?.number ?? 0 })} text={t("runs.stopText")} button={t("runs.stop")} onClose={() => stop(undefined)} onConfirm={stopRun} />
      <Confirm open={removing !== undefined} title={t("pipelines.delete")} text={t("pipelines.deleteText", { name: removing?.name ?? "" })} word="DELETE" button={t("common.delete")} onClose={() => remove(undefined)} onConfirm={destroy} />
    </Page>
  );
}

const active = ["queued", "running", "waiting", "held"];

function RowActions({ pipeline: p, onStart, onStop, onRemove }: { pipeline: Pipeline; onStart: () => void; onStop: () => void; onRemove: () => void }) {
  const { t } = useText();
  const may = useMay();
  return (
    <span className="row" style={{ margin: 0, flexWrap: "nowrap" }}>
      <Button size="small" icon={<PlayCircleOutlined />} onClick={onStart} aria-label={`${t("pipelines.start")} ${p.name}`}>{t("pipelines.start")}</Button>
      {active.includes(statusOf(p)) && <Button size="small" disabled={p.last_run?.stopping} onClick={onStop} aria-label={`${t("pipelines.stop")} ${p.name}`}>{t("pipelines.stop")}</Button>}
      {may.in(p.group, "edit") && <LinkButton size="small" to="/pipelines/$name/edit" params={{ name: p.name }} aria-label={`${t("common.edit")} ${p.name}`}>{t("common.edit")}</LinkButton>}
      {may.in(p.group, "manage") && <Button size="small" danger onClick={onRemove} aria-label={`${t("common.delete")} ${p.name}`}>{t("common.delete")}</Button>}
    </span>
  );
}
