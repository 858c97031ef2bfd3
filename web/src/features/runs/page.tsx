import { useMemo, useState } from "react";
import { Alert, Button, Tabs } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { pipeline as pipelineQuery, run as runQuery } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { pipelinePicture } from "../../picture/model";
import { PictureView } from "../../picture/view";
import { Confirm } from "../../ui/confirm";
import { LogView } from "../../ui/log";
import { PipelineLink, StackLink } from "../../ui/name";
import { Facts, Loaded, Page } from "../../ui/page";
import { useNarrow } from "../../ui/screen";
import { Ago, StateTag, Took } from "../../ui/state";
import { StartDialog } from "../pipelines/start";
import { Decisions, Reviews } from "./decide";
import { Notifications } from "./notifications";
import { Images, Others, Parameters, Resources, Triggers } from "./tabs";

type Run = Noun<"Run">;
type StageRun = Noun<"StageRun">;

const finalStates = ["succeeded", "failed", "canceled", "timed-out"];

export function RunPage() {
  const { t } = useText();
  const { id } = useParams({ from: "/shell/runs/$id" });
  const query = useQuery(runQuery(id));
  const client = useQueryClient();
  const [stopping, stop] = useState(false);
  const [again, startAgain] = useState(false);
  const run = query.data;
  const may = useMay();
  const pipeline = useQuery({ ...pipelineQuery(run?.pipeline ?? ""), enabled: run !== undefined });
  const mayStart = may.in(pipeline.data?.data.group, "read"); // a review can ask somebody who has no role in the group
  const stopRun = async () => {
    await need(api.POST("/api/v1/runs/{id}/stop", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: ["runs", id] });
  };
  return (
    <Page
      title={run ? t("runs.title", { number: run.number, name: run.pipeline }) : t("common.loading")}
      trail={run && <PipelineLink name={run.pipeline} />}
      note={run && <StateTag state={run.state} />}
      actions={
        run && mayStart && (
          <>
            <Decisions run={run} />
            {!finalStates.includes(run.state) && <Button danger disabled={run.stopping} onClick={() => stop(true)}>{t("runs.stop")}</Button>}
            {pipeline.data && <Button onClick={() => startAgain(true)}>{t("runs.startAgain")}</Button>}
          </>
        )
      }
    >
      <Loaded query={query}>{(data) => <Content run={data} mayStart={mayStart} />}</Loaded>
      <Confirm open={stopping} title={t("runs.stop")} text={t("runs.stopText")} button={t("runs.stop")} onClose={() => stop(false)} onConfirm={stopRun} />
      {again && run && pipeline.data && <StartDialog pipeline={pipeline.data.data} values={run.variables} onClose={() => startAgain(false)} />}
    </Page>
  );
}

function Content({ run, mayStart }: { run: Run; mayStart: boolean }) {
  const text = useText();
  const { t } = text;
  const { stage: chosen, tab } = useSearch({ from: "/shell/runs/$id" });
  const navigate = useNavigate({ from: "/runs/$id" });
  const stages = useMemo(() => run.stages ?? [], [run]);
  const narrow = useNarrow();
  const picture = useMemo(
    () => pipelinePicture(
      stages.map((s) => ({ ...s, needs: s.policy?.needs, serial: s.policy?.serial })),
      (s) => [text.stageType(s.type), s.started_at && text.duration(s.started_at, s.ended_at)].filter(Boolean).join(" · "),
      narrow ? "down" : "right",
    ),
    [stages, text, narrow],
  );
  const stage = stages.find((s) => s.name === chosen);
  const choose = (name: string | undefined) => void navigate({ search: (s) => ({ ...s, stage: name }), replace: true });
  return (
    <>
      {run.waiting_for && run.state !== "held" && <Alert type="info" showIcon className="gap" title={text.said(run.waiting_for)} />}
      <Reviews run={run} />
      <Facts
        items={[
          [t("runs.cause"), [text.cause(run.cause), run.by].filter(Boolean).join(" · ")],
          [t("common.created"), <Ago key="c" time={run.created_at} />],
          [t("common.took"), <Took key="t" from={run.started_at} to={run.ended_at} />],
          [t("common.message"), text.said(run.message)],
        ]}
      />
      <PictureView picture={picture} name={`${run.pipeline}-${run.number}`} chosen={chosen} onChoose={choose} />
      <div className="row" role="group" aria-label={t("runs.stage")}>
        <Button size="small" type={stage ? "default" : "primary"} onClick={() => choose(undefined)}>{t("runs.allStages")}</Button>
        {stages.map((s) => <Button key={s.name} size="small" type={s.name === chosen ? "primary" : "default"} onClick={() => choose(s.name)}>{s.name}</Button>)}
      </div>
      {stage && <StageFacts stage={stage} />}
      <Tabs
        activeKey={tab ?? "log"}
        onChange={(key) => void navigate({ search: (s) => ({ ...s, tab: key }), replace: true })}
        items={[
          { key: "log", label: t("runs.log"), children: <LogView key={`${run.id} ${chosen ?? ""}`} run={run.id} stage={chosen} /> },
          { key: "resources", label: t("runs.resources"), children: <Resources stages={stage ? [stage] : stages} /> },
          { key: "parameters", label: t("pipelines.parameters"), children: <Parameters stages={stage ? [stage] : stages} /> },
          { key: "variables", label: t("runs.variables"), children: <Facts items={Object.entries(run.variables).map(([k, v]) => [k, <code key={k}>{v}</code>])} /> },
          { key: "triggers", label: t("decide.conditions"), children: <Triggers stages={stage ? [stage] : stages} /> },
          { key: "notifications", label: t("stageForm.notifications"), children: <Notifications run={run} stage={chosen} mayResend={mayStart} /> },
          { key: "compare", label: t("decide.compare"), children: <Others run={run} /> },
          { key: "images", label: t("runs.images"), children: <Images stages={stage ? [stage] : stages} /> },
        ]}
      />
    </>
  );
}

function StageFacts({ stage }: { stage: StageRun }) {
  const { t, said } = useText();
  return (
    <Facts
      items={[
        [t("common.status"), <StateTag key="s" state={stage.state} />],
        [t("runs.attempt"), stage.attempt],
        [t("common.took"), <Took key="t" from={stage.started_at} to={stage.ended_at} />],
        [t("job.exitCode"), stage.exit_code],
        [t("job.container"), stage.container && <code key="c">{[stage.target, stage.namespace, stage.container].filter(Boolean).join(" / ")}</code>],
        [t("pipelines.stack"), stage.stack && <StackLink name={stage.stack} />],
        [t("decide.waits"), said(stage.waiting_for)],
        [t("common.message"), said(stage.message)],
      ]}
    />
  );
}
