import { useState } from "react";
import { Button, type TableColumnsType } from "antd";
import PlayCircleOutlined from "@ant-design/icons/PlayCircleOutlined";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { pipelines } from "../../api/queries";
import { useText } from "../../i18n";
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
  const columns: TableColumnsType<Pipeline> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, p) => <><PipelineLink name={p.name} /><div className="dim">{p.description}</div></> },
    { title: t("common.status"), key: "status", render: (_, p) => <StateTag state={statusOf(p)} reason={p.last_run?.message} /> },
    { title: t("pipelines.lastRun"), key: "last", sorter: (a, b) => (a.last_run?.created_at ?? "").localeCompare(b.last_run?.created_at ?? ""),
      render: (_, p) => (p.last_run ? <RunLink id={p.last_run.id}>#{p.last_run.number} · <Ago time={p.last_run.created_at} /></RunLink> : <span className="dim">{t("pipelines.never")}</span>) },
    { title: t("common.group"), dataIndex: "group" },
    { title: t("pipelines.stages"), key: "stages", render: (_, p) => p.spec.stages?.map((s) => s.name).join(" → ") },
    { title: t("common.actions"), key: "actions", render: (_, p) => (
      <Button size="small" icon={<PlayCircleOutlined />} onClick={() => start(p)} aria-label={`${t("pipelines.start")} ${p.name}`}>{t("pipelines.start")}</Button>
    ) },
  ];
  return (
    <Page title={t("app.pipelines")} actions={<LinkButton look="primary" to="/pipelines/new">{t("pipelines.create")}</LinkButton>}>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Nothing text={t("pipelines.empty")}><LinkButton to="/pipelines/new">{t("pipelines.create")}</LinkButton></Nothing>
          ) : (
            <>
              <Filters filter={filter} statuses={statuses} groups={[...new Set(all.map((p) => p.group))].sort()} onChange={(search) => void navigate({ search: search, replace: true })} />
              <List label={t("app.pipelines")} items={filtered(all, filter, { status: statusOf, group: (p) => p.group })} columns={columns} rowKey={(p) => p.name} />
            </>
          )
        }
      </Loaded>
      {starting && <StartDialog pipeline={starting} onClose={() => start(undefined)} />}
    </Page>
  );
}
