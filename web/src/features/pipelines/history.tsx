import { useMemo, useState } from "react";
import { Button, Input, Select, type TableColumnsType } from "antd";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { runs as runsQuery, runStates, type RunFilter } from "../../api/queries";
import { useText } from "../../i18n";
import { List } from "../../ui/list";
import { RunLink } from "../../ui/name";
import { ProblemAlert } from "../../ui/problem";
import { Ago, StateTag, Took } from "../../ui/state";

type Run = Noun<"Run">;

const causes = ["manual", "webhook", "channel", "image", "schedule", "retry"] as const;

/** The runs of a pipeline, newest first, found by what stands in the address; two that are marked can be compared. */
export function History({ name }: { name: string }) {
  const text = useText();
  const { t } = text;
  const filter: RunFilter = useSearch({ from: "/shell/pipelines/$name" });
  const navigate = useNavigate({ from: "/pipelines/$name" });
  const [by, setBy] = useState(filter.by ?? "");
  const [marked, mark] = useState<string[]>([]);
  const query = useInfiniteQuery(runsQuery(name, filter));
  const items = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const put = (next: RunFilter) => void navigate({ search: (s) => ({ ...s, ...next }), replace: true });
  const columns: TableColumnsType<Run> = [
    { title: t("common.number"), key: "number", render: (_, r) => <RunLink id={r.id}>#{r.number}</RunLink> },
    { title: t("common.status"), key: "state", render: (_, r) => <StateTag state={r.state} reason={r.message} /> },
    { title: t("common.created"), key: "created", render: (_, r) => <Ago time={r.created_at} /> },
    { title: t("common.took"), key: "took", render: (_, r) => <Took from={r.started_at} to={r.ended_at} /> },
    { title: t("runs.cause"), key: "cause", render: (_, r) => [text.cause(r.cause), r.by].filter(Boolean).join(" · ") },
    { title: t("pipelines.variables"), key: "variables", render: (_, r) => <span className="dim">{Object.entries(r.variables).filter(([k]) => !k.startsWith("SYS_")).map(([k, v]) => `${k}=${v}`).join(", ")}</span> },
    { title: t("common.message"), key: "message", render: (_, r) => <span className="dim">{text.said(r.waiting_for ?? r.message)}</span> },
  ];
  const [one, other] = marked;
  return (
    <>
      <div className="filters" role="search">
        <Select allowClear value={filter.state} placeholder={t("common.status")} aria-label={t("common.status")} options={runStates.map((value) => ({ value, label: text.state(value) }))} onChange={(state?: RunFilter["state"]) => put({ state })} style={{ minWidth: 140 }} />
        <Select allowClear value={filter.cause} placeholder={t("runs.cause")} aria-label={t("runs.cause")} options={causes.map((value) => ({ value, label: text.cause(value) }))} onChange={(cause?: string) => put({ cause })} style={{ minWidth: 140 }} />
        <Input.Search allowClear value={by} placeholder={t("common.by")} aria-label={t("common.by")} onChange={(e) => { setBy(e.target.value); if (e.target.value === "") put({ by: undefined }); }} onSearch={(v) => put({ by: v || undefined })} />
        <Button disabled={one === undefined || other === undefined} onClick={() => one && other && void navigate({ to: "/runs/$id/compare/$other", params: { id: one, other } })}>{t("runs.compareMarked")}</Button>
        <Button loading={query.isRefetching} onClick={() => void query.refetch()}>{t("common.refresh")}</Button>
      </div>
      <ProblemAlert error={query.error} again={() => void query.refetch()} />
      <List label={t("pipelines.history")} items={items} columns={columns} rowKey={(r) => r.id} empty={query.isLoading ? t("common.loading") : t("runs.noRuns")} marked={marked} onMark={(keys) => mark(keys.slice(-2))} markLabel={(r) => t("runs.mark", { number: r.number })} />
      {query.hasNextPage && <Button onClick={() => void query.fetchNextPage()} loading={query.isFetchingNextPage}>{t("common.more")}</Button>}
    </>
  );
}
