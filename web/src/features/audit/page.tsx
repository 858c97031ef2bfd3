import { useMemo, useState } from "react";
import { Button, Drawer, Input, Select, Tag, type TableColumnsType } from "antd";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { audit } from "../../api/queries";
import { useText } from "../../i18n";
import { List } from "../../ui/list";
import { Facts, Nothing, Page } from "../../ui/page";
import { ProblemAlert } from "../../ui/problem";
import { MomentInput } from "../../ui/moment";
import { whatOf, whoOf } from "./words";

type Entry = Noun<"AuditEntry">;

export interface AuditFilter {
  user?: string;
  kind?: string;
  name?: string;
  verb?: "start" | "change" | "delete" | "grant";
  since?: string;
  until?: string;
}

const verbs = ["start", "change", "delete", "grant"] as const;
export const kinds = ["pipelines", "runs", "groups", "stacks", "templates", "pipeline-templates", "targets", "images", "organizations", "channels", "users", "tokens", "sessions", "freezes", "settings"] as const;

export function AuditPage() {
  const { t } = useText();
  const filter = useSearch({ from: "/shell/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const set = (change: AuditFilter) => void navigate({ search: { ...filter, ...change }, replace: true });
  const typed = (key: "user" | "name") => ({
    allowClear: true, defaultValue: filter[key], placeholder: t(`audit.${key}`), "aria-label": t(`audit.${key}`), onChange: (e: React.ChangeEvent<HTMLInputElement>) => set({ [key]: e.target.value || undefined }),
  });
  return (
    <Page title={t("places.audit")}>
      <p className="dim">{t("audit.text")}</p>
      <div className="filters" role="search">
        <Input {...typed("user")} />
        <Select allowClear value={filter.kind} placeholder={t("audit.kind")} aria-label={t("audit.kind")} style={{ minWidth: 150 }} options={kinds.map((value) => ({ value, label: t(`auditKinds.${value}`) }))} onChange={(kind?: string) => set({ kind })} />
        <Input {...typed("name")} />
        <Select allowClear value={filter.verb} placeholder={t("audit.verb")} aria-label={t("audit.verb")} style={{ minWidth: 130 }} options={verbs.map((value) => ({ value, label: t(`audit.${value}`) }))} onChange={(verb?: AuditFilter["verb"]) => set({ verb })} />
        <MomentInput label={t("audit.since")} value={filter.since} onChange={(since) => set({ since })} />
        <MomentInput label={t("audit.until")} value={filter.until} onChange={(until) => set({ until })} />
      </div>
      <Entries filter={filter} />
    </Page>
  );
}

function Entries({ filter }: { filter: AuditFilter }) {
  const { t, time, language, said } = useText();
  const query = useInfiniteQuery(audit(filter));
  const items = useMemo(() => query.data?.pages.flatMap((p) => p.items) ?? [], [query.data]);
  const [open, show] = useState<Entry>();
  const columns: TableColumnsType<Entry> = [
    { title: t("common.time"), key: "time", render: (_, e) => <time dateTime={e.time}>{time(e.time)}</time> },
    { title: t("audit.what"), key: "what", render: (_, e) => (
      <>
        <strong>{whoOf(e, language)}</strong> {whatOf(e, language)} {e.result !== "done" && <Tag color={e.result === "refused" ? "error" : "warning"}>{t(`audit.${e.result}`)}</Tag>}
        {e.detail && <div className="dim">{said(e.detail)}</div>}
      </>
    ) },
    { title: t("common.group"), dataIndex: "group" },
    { title: t("common.actions"), key: "actions", render: (_, e) => <Button size="small" aria-label={`${t("common.details")} ${whatOf(e, language)}`} onClick={() => show(e)}>{t("common.details")}</Button> },
  ];
  if (query.isError) return <ProblemAlert error={query.error} again={() => void query.refetch()} />;
  if (query.isSuccess && items.length === 0) return <Nothing text={t("audit.none")} />;
  return (
    <>
      <List label={t("places.audit")} items={items} columns={columns} rowKey={(e) => e.id} loading={query.isPending} />
      {query.hasNextPage && <p><Button loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t("common.more")}</Button></p>}
      <Drawer open={open !== undefined} onClose={() => show(undefined)} title={t("common.details")} size={420}>
        {open && (
          <Facts
            items={[
              [t("common.time"), time(open.time)], [t("audit.user"), whoOf(open, language)], [t("audit.via"), open.via], [t("audit.address"), open.address], [t("audit.what"), whatOf(open, language)], [t("audit.operation"), <code key="o">{open.operation}</code>],
              [t("audit.kind"), open.kind], [t("audit.name"), open.name], [t("common.group"), open.group], [t("audit.result"), t(`audit.${open.result}`)], [t("common.details"), said(open.detail)],
            ]}
          />
        )}
      </Drawer>
    </>
  );
}
