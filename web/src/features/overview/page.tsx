import { Button, Card, Steps, Tag } from "antd";
import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import type { Noun } from "../../api/client";
import { anyPipeline, runsOf, stacks, targetCheck, targets } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { LinkButton } from "../../ui/link";
import { PipelineLink, RunLink, StackLink } from "../../ui/name";
import { Loaded, Page } from "../../ui/page";
import { ProblemAlert } from "../../ui/problem";
import { Ago, StateTag } from "../../ui/state";

type Stack = Noun<"Stack">;

/** What the overview shows of the stacks. */
export function summary(stackList: readonly Stack[]) {
  return {
    busy: stackList.filter((s) => s.status === "processing"),
    bad: stackList.filter((s) => s.status === "abnormal" || (s.status === "running" && s.health === "unhealthy")),
    healthy: stackList.filter((s) => s.status === "running" && s.health === "healthy").length,
  };
}

interface RunsProps {
  of: Parameters<typeof runsOf>[0];
  /** They wait for whoever looks. */
  mine?: boolean;
  /** Runs that stand elsewhere already. */
  without?: ReadonlySet<string>;
  /** What is said when there are none. */
  none?: string;
}

const few = 10; // of each kind at first

function Runs({ of, mine = false, without, none }: RunsProps) {
  const { t, said } = useText();
  const query = useInfiniteQuery(runsOf(of, few));
  const items = (query.data?.pages ?? []).flatMap((p) => p.items).filter((r) => !without?.has(r.id));
  return (
    <>
      <ProblemAlert error={query.error} again={() => void query.refetch()} />
      {query.isPending && <p className="dim">{t("common.loading")}</p>}
      {none !== undefined && query.isSuccess && items.length === 0 && <p className="dim">{none}</p>}
      <ul className="plain">
        {items.map((r) => (
          <li key={r.id}>
            <StateTag state={r.state} />
            <PipelineLink name={r.pipeline} />
            <RunLink id={r.id}>#{r.number}</RunLink>
            {mine && <Tag color="warning">{t("overview.forYou")}</Tag>}
            <span className="dim"><Ago time={r.created_at} /></span>
            {(r.waiting_for ?? r.message) && <span className="dim">{said(r.waiting_for ?? r.message)}</span>}
          </li>
        ))}
      </ul>
      {query.hasNextPage && <Button size="small" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t("common.more")}</Button>}
    </>
  );
}

/** First what waits for whoever looks, then what waits for others. */
function Waiting() {
  const { t } = useText();
  const query = useInfiniteQuery(runsOf("me", few));
  const mine = new Set((query.data?.pages ?? []).flatMap((p) => p.items.map((r) => r.id)));
  return (
    <>
      <Runs of="me" mine />
      {query.isSuccess && <Runs of="waiting" without={mine} none={mine.size === 0 ? t("overview.nothingWaits") : undefined} />}
    </>
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
  const any = useQuery(anyPipeline).data;
  const stackList = useQuery(stacks);
  const useful = useMay().anywhere("edit");
  const s = summary(stackList.data ?? []);
  const fresh = any === false && useful;
  return (
    <Page title={t("app.overview")}>
      {fresh && <FirstSteps />}
      <div className="cards">
        <Card><h2>{t("overview.running")}</h2>
          <Runs of="running" none={s.busy.length === 0 ? t("overview.nothingRuns") : undefined} />
          <ul className="plain">{s.busy.map((x) => <li key={x.name}><StateTag state="processing" /><StackLink name={x.name} /></li>)}</ul>
        </Card>
        <Card><h2>{t("overview.waiting")}</h2><Waiting /></Card>
        <Card><h2>{t("overview.failed")}</h2>
          <Runs of="failed" none={s.bad.length === 0 ? t("overview.nothingFailed") : undefined} />
          <ul className="plain">{s.bad.map((x) => <li key={x.name}><StateTag state="abnormal" /><StackLink name={x.name} /><span className="dim">{said(x.reason)}</span></li>)}</ul>
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
