import { Card, Steps, Tag } from "antd";
import { useQueries, useQuery } from "@tanstack/react-query";
import type { Noun } from "../../api/client";
import { me, pipelines, stacks, targetCheck, targets } from "../../api/queries";
import { asks, mayOf, useMay } from "../../app/may";
import { useText } from "../../i18n";
import { LinkButton } from "../../ui/link";
import { PipelineLink, RunLink, StackLink } from "../../ui/name";
import { Loaded, Page } from "../../ui/page";
import { Ago, StateTag } from "../../ui/state";

type Pipeline = Noun<"Pipeline">;
type Stack = Noun<"Stack">;

const waiting = ["waiting", "held"];

/** Whether a run waits for this user: a review asks for an answer that was not given yet, or a held run for a decision. */
export function waitsFor(user: Noun<"Me"> | undefined, pipeline: Pick<Pipeline, "group">, run: Pick<Noun<"Run">, "state" | "stages">): boolean {
  if (run.state === "held") return mayOf(user).in(pipeline.group, "read");
  return (run.stages ?? []).some((s) => s.state === "waiting" && s.review !== undefined && asks(s.review, user) && !s.review.votes?.some((v) => v.user === user?.name));
}

/** What the overview shows, from the lists. */
export function summary(pipelineList: readonly Pipeline[], stackList: readonly Stack[]) {
  const last = pipelineList.flatMap((p) => (p.last_run ? [p.last_run] : []));
  const newest = (a: { created_at: string }, b: { created_at: string }) => b.created_at.localeCompare(a.created_at);
  return {
    running: last.filter((r) => r.state === "running" || r.state === "queued").sort(newest),
    waiting: last.filter((r) => waiting.includes(r.state)).sort(newest),
    failed: last.filter((r) => r.state === "failed" || r.state === "timed-out").sort(newest).slice(0, 8),
    busyStacks: stackList.filter((s) => s.status === "processing"),
    badStacks: stackList.filter((s) => s.status === "abnormal" || (s.status === "running" && s.health === "unhealthy")),
    healthy: stackList.filter((s) => s.status === "running" && s.health === "healthy").length,
  };
}

function Runs({ items, mine }: { items: Noun<"Run">[]; mine?: ReadonlySet<string> }) {
  const { t, said } = useText();
  return (
    <ul className="plain">
      {items.map((r) => (
        <li key={r.id}>
          <StateTag state={r.state} />
          <PipelineLink name={r.pipeline} />
          <RunLink id={r.id}>#{r.number}</RunLink>
          {mine?.has(r.id) && <Tag color="warning">{t("overview.forYou")}</Tag>}
          <span className="dim"><Ago time={r.created_at} /></span>
          {(r.waiting_for ?? r.message) && <span className="dim">{said(r.waiting_for ?? r.message)}</span>}
        </li>
      ))}
    </ul>
  );
}

function Targets() {
  const { t } = useText();
  const list = useQuery(targets);
  const checks = useQueries({ queries: (list.data ?? []).map((target) => targetCheck(target.name)) });
  return (
    <Loaded query={list}>
      {(items) => (
        <ul className="plain">
          {items.map((target, i) => {
            const check = checks[i]?.data;
            return (
              <li key={target.name}>
                <StateTag state={check === undefined ? "unknown" : check.ok ? "healthy" : "unhealthy"} reason={check?.message} />
                <strong>{target.name}</strong>
                <span className="dim">{target.kind} {check?.version}</span>
              </li>
            );
          })}
          {items.length === 0 && <li className="dim">{t("targets.empty")}</li>}
        </ul>
      )}
    </Loaded>
  );
}

export function OverviewPage() {
  const { t, said } = useText();
  const pipelineList = useQuery(pipelines);
  const stackList = useQuery(stacks);
  const useful = useMay().anywhere("edit");
  const s = summary(pipelineList.data ?? [], stackList.data ?? []);
  const user = useQuery(me).data;
  const mine = new Set((pipelineList.data ?? []).flatMap((p) => (p.last_run && waiting.includes(p.last_run.state) && waitsFor(user, p, p.last_run) ? [p.last_run.id] : [])));
  const waits = [...s.waiting].sort((a, b) => Number(mine.has(b.id)) - Number(mine.has(a.id)));
  const fresh = pipelineList.data?.length === 0 && useful;
  return (
    <Page title={t("app.overview")}>
      {fresh && <FirstSteps />}
      <div className="cards">
        <Card><h2>{t("overview.running")}</h2>
          <Loaded query={pipelineList}>{() => (s.running.length + s.busyStacks.length === 0 ? <p className="dim">{t("overview.nothingRuns")}</p> : <Runs items={s.running} />)}</Loaded>
          <ul className="plain">{s.busyStacks.map((x) => <li key={x.name}><StateTag state="processing" /><StackLink name={x.name} /></li>)}</ul>
        </Card>
        <Card><h2>{t("overview.waiting")}</h2>
          <Loaded query={pipelineList}>{() => (s.waiting.length === 0 ? <p className="dim">{t("overview.nothingWaits")}</p> : <Runs items={waits} mine={mine} />)}</Loaded>
        </Card>
        <Card><h2>{t("overview.failed")}</h2>
          <Loaded query={pipelineList}>{() => (s.failed.length + s.badStacks.length === 0 ? <p className="dim">{t("overview.nothingFailed")}</p> : <Runs items={s.failed} />)}</Loaded>
          <ul className="plain">{s.badStacks.map((x) => <li key={x.name}><StateTag state="abnormal" /><StackLink name={x.name} /><span className="dim">{said(x.reason)}</span></li>)}</ul>
        </Card>
        <Card><h2>{t("overview.stacks")}</h2>
          <Loaded query={stackList}>{(list) => <p>{t("overview.healthyStacks", { healthy: s.healthy, count: list.length })}</p>}</Loaded>
          <h2>{t("overview.targets")}</h2>
          <Targets />
        </Card>
      </div>
    </Page>
  );
}

function FirstSteps() {
  const { t } = useText();
  return (
    <Card className="gap">
      <h2>{t("overview.start")}</h2>
      <Steps
        orientation="vertical"
        items={[
          { title: <LinkButton look="link" to="/images" search={{}}>{t("overview.step1")}</LinkButton>, status: "process" },
          { title: <LinkButton look="link" to="/templates/new" search={{}}>{t("overview.step2")}</LinkButton>, status: "process" },
          { title: <LinkButton look="link" to="/pipelines/new">{t("overview.step3")}</LinkButton>, status: "process" },
        ]}
      />
    </Card>
  );
}
