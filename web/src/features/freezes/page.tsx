import { useState } from "react";
import { Button, Checkbox, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { freezes, locks, pipelines } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { List } from "../../ui/list";
import { PipelineLink, RunLink } from "../../ui/name";
import { Loaded, Page } from "../../ui/page";
import { Ago, useNow } from "../../ui/state";
import { NewFreeze } from "./form";

type Freeze = Noun<"Freeze">;
type Lock = Noun<"Lock">;

/** How far a freeze is, at a moment in milliseconds. */
export function phaseOf(freeze: Pick<Freeze, "from" | "until" | "lifted_at">, now: number): "lifted" | "over" | "active" | "coming" {
  if (freeze.lifted_at) return "lifted";
  if (Date.parse(freeze.until) <= now) return "over";
  return Date.parse(freeze.from) <= now ? "active" : "coming";
}

const colours = { active: "error", coming: "warning", over: "default", lifted: "default" } as const;

export function FreezesPage() {
  const { t } = useText();
  const may = useMay();
  const [creating, create] = useState(false);
  return (
    <Page title={t("places.freezes")} actions={may.anywhere("edit") && <Button type="primary" onClick={() => create(true)}>{t("freezes.create")}</Button>}>
      <p className="dim">{t("freezes.text")}</p>
      <Freezes />
      <section className="section">
        <h2>{t("freezes.locks")}</h2>
        <p className="dim">{t("freezes.locksText")}</p>
        <Locks />
      </section>
      {creating && <NewFreeze onClose={() => create(false)} />}
    </Page>
  );
}

function Freezes() {
  const { t, time } = useText();
  const may = useMay();
  const { past } = useSearch({ from: "/shell/freezes" });
  const navigate = useNavigate({ from: "/freezes" });
  const client = useQueryClient();
  const now = useNow(10_000);
  const query = useQuery(freezes(past === true));
  const all = useQuery(pipelines);
  const [lifting, lift] = useState<Freeze>();
  const mayLift = (f: Freeze): boolean => {
    switch (f.scope) {
      case "group": return may.in(f.name, "manage");
      case "pipeline": return may.in(all.data?.find((p) => p.name === f.name)?.group, "edit");
      default: return may.admin;
    }
  };
  const end = async () => {
    await need(api.DELETE("/api/v1/freezes/{id}", { params: { path: { id: lifting?.id ?? "" } } }));
    await client.invalidateQueries({ queryKey: ["freezes"] });
  };
  const columns: TableColumnsType<Freeze> = [
    { title: t("common.status"), key: "phase", render: (_, f) => { const phase = phaseOf(f, now); return <Tag color={colours[phase]}>{t(`freezes.${phase}`)}</Tag>; } },
    { title: t("freezes.scope"), key: "scope", render: (_, f) => <Scope freeze={f} /> },
    { title: t("freezes.from"), key: "from", render: (_, f) => time(f.from) },
    { title: t("freezes.until"), key: "until", render: (_, f) => time(f.until) },
    { title: t("common.reason"), dataIndex: "reason" },
    { title: t("common.by"), key: "by", render: (_, f) => <>{f.by}{f.lifted_at && <div className="dim">{t("freezes.liftedBy", { user: f.lifted_by ?? "–", time: time(f.lifted_at) })}</div>}</> },
    { title: t("common.actions"), key: "actions", render: (_, f) => ["active", "coming"].includes(phaseOf(f, now)) && mayLift(f) && <Button size="small" danger aria-label={`${t("freezes.lift")}${t("roles.colon")}${f.reason}`} onClick={() => lift(f)}>{t("freezes.lift")}</Button> },
  ];
  return (
    <>
      <div className="row"><Checkbox checked={past === true} onChange={(e) => void navigate({ search: e.target.checked ? { past: true } : {}, replace: true })}>{t("freezes.past")}</Checkbox></div>
      <Loaded query={query}>{(items) => <List label={t("freezes.freezes")} items={items} columns={columns} rowKey={(f) => f.id} empty={t("freezes.none")} />}</Loaded>
      <Confirm open={lifting !== undefined} title={t("freezes.lift")} text={t("freezes.liftText", { reason: lifting?.reason ?? "" })} button={t("freezes.lift")} onClose={() => lift(undefined)} onConfirm={end} />
    </>
  );
}

function Scope({ freeze }: { freeze: Freeze }) {
  const { t } = useText();
  const name = freeze.name ?? "";
  const where = freeze.scope === "group" ? <Link to="/groups/$name" params={{ name }} search={{}}>{name}</Link> : freeze.scope === "pipeline" ? <PipelineLink name={name} /> : name;
  return <><Tag>{t(`freezes.${freeze.scope}`)}</Tag>{where}</>;
}

function Locks() {
  const { t } = useText();
  const query = useQuery(locks);
  const columns: TableColumnsType<Lock> = [
    { title: t("common.name"), key: "name", render: (_, l) => <code>{l.name}</code> },
    { title: t("freezes.holder"), key: "holder", render: (_, l) => (l.holder ? <Stage stage={l.holder} /> : <span className="dim">{t("freezes.nobody")}</span>) },
    { title: t("freezes.waiting"), key: "waiting", render: (_, l) => (l.waiting.length === 0 ? <span className="dim">{t("freezes.nobody")}</span> : <ol className="plain">{l.waiting.map((s, i) => <li key={i}><Stage stage={s} /></li>)}</ol>) },
  ];
  return <Loaded query={query}>{(items) => <List label={t("freezes.locks")} items={items} columns={columns} rowKey={(l) => l.name} empty={t("freezes.noLocks")} />}</Loaded>;
}

// A stage of a pipeline that one may not see has no names.
function Stage({ stage }: { stage: Noun<"LockStage"> }) {
  const { t } = useText();
  return (
    <span>
      {stage.run ? <><RunLink id={stage.run}>{stage.pipeline} #{stage.number}</RunLink> · {stage.stage}</> : t("freezes.hidden")} <span className="dim"><Ago time={stage.since} /></span>
    </span>
  );
}
