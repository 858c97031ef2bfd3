import { useState } from "react";
import { Button, Input, Select, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { targetCheck, targets } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, Labelled, RuledInput } from "../../ui/dialog";
import { List } from "../../ui/list";
import { Loaded, Nothing, Page } from "../../ui/page";
import { explain } from "../../ui/problem";
import { rules } from "../../ui/rules";
import { Ago, StateTag } from "../../ui/state";
import { WindowsText } from "../../ui/windows";
import { TargetRules } from "./rules";

type Target = Noun<"Target">;

export function TargetsPage() {
  const { t } = useText();
  const client = useQueryClient();
  const query = useQuery(targets);
  const [adding, add] = useState(false);
  const [removing, remove] = useState<Target>();
  const [ruled, rule] = useState<Target>();
  const { admin } = useMay();
  const columns: TableColumnsType<Target> = [
    { title: t("common.name"), dataIndex: "name" },
    { title: t("targets.kind"), key: "kind", render: (_, x) => (x.kind === "engine" ? t("targets.engine") : t("targets.kubernetes")) },
    { title: t("targets.host"), key: "host", render: (_, x) => <><code>{x.host ?? x.server}</code> <span className="dim">{x.context}{x.in_cluster && t("targets.inCluster")}</span></> },
    { title: t("common.status"), key: "check", render: (_, x) => <Check name={x.name} /> },
    { title: t("rules.limitStages"), key: "limit", render: (_, x) => x.limits.stages || <span className="dim">{t("groups.noLimit")}</span> },
    { title: t("rules.windows"), key: "windows", render: (_, x) => <WindowsText windows={x.windows} /> },
    { title: t("common.created"), key: "created", render: (_, x) => <Ago time={x.created_at} /> },
    ...(admin ? [{ title: t("common.actions"), key: "actions", render: (_: unknown, x: Target) => (
      <span className="row" style={{ margin: 0 }}>
        <Button size="small" aria-label={`${t("rules.edit")} ${x.name}`} onClick={() => rule(x)}>{t("rules.edit")}</Button>
        <Button size="small" danger aria-label={`${t("common.remove")} ${x.name}`} onClick={() => remove(x)}>{t("common.remove")}</Button>
      </span>
    ) }] : []),
  ];
  const destroy = async () => {
    await need(api.DELETE("/api/v1/targets/{name}", { params: { path: { name: removing?.name ?? "" } } }));
    await client.invalidateQueries({ queryKey: ["targets"] });
  };
  return (
    <Page title={t("app.targets")} actions={admin && <Button type="primary" onClick={() => add(true)}>{t("targets.add")}</Button>}>
      <Loaded query={query}>{(items) => (items.length === 0 ? <Nothing text={t("targets.empty")} /> : <List label={t("app.targets")} items={items} columns={columns} rowKey={(x) => x.name} />)}</Loaded>
      {ruled && <TargetRules target={ruled} onClose={() => rule(undefined)} />}
      <NewTarget open={adding} onClose={() => add(false)} />
      <Confirm open={removing !== undefined} title={t("common.remove")} text={t("targets.deleteText", { name: removing?.name ?? "" })} button={t("common.remove")} onClose={() => remove(undefined)} onConfirm={destroy} />
    </Page>
  );
}

function Check({ name }: { name: string }) {
  const { t, said } = useText();
  const query = useQuery(targetCheck(name));
  const check = query.data;
  if (query.isError) return <StateTag state="unhealthy" reason={explain(query.error, t)} />;
  return (
    <>
      <StateTag state={check === undefined ? "unknown" : check.ok ? "healthy" : "unhealthy"} reason={check?.message} />
      <span className="dim">{check?.version}</span>{" "}
      <Button size="small" type="text" loading={query.isFetching} onClick={() => void query.refetch()}>{t("targets.check")}</Button>
      {check?.message && <div className="dim">{said(check.message)}</div>}
      {check?.missing && check.missing.length > 0 && <ul className="findings">{check.missing.map((m) => <li key={m}>{t("targets.missing")}: {m}</li>)}</ul>}
    </>
  );
}

function NewTarget({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [kind, setKind] = useState("engine");
  const [host, setHost] = useState("");
  const [kubeconfig, setKubeconfig] = useState("");
  const [context, setContext] = useState("");
  const submit = async () => {
    await need(api.POST("/api/v1/targets", { body: kind === "engine" ? { name, kind, host } : { name, kind: "kubernetes", kubeconfig, ...(context ? { context } : {}) } }));
    await client.invalidateQueries({ queryKey: ["targets"] });
  };
  return (
    <Dialog open={open} title={t("targets.add")} button={t("common.add")} disabled={name === "" || rules.target(name) !== undefined} onClose={onClose} onSubmit={submit}>
      <RuledInput label={t("common.name")} value={name} rule={rules.target} autoFocus onChange={setName} />
      <Labelled label={t("targets.kind")}><Select value={kind} onChange={setKind} options={[{ value: "engine", label: t("targets.engine") }, { value: "kubernetes", label: t("targets.kubernetes") }]} /></Labelled>
      {kind === "kubernetes" && (
        <>
          <Labelled label={t("targets.kubeconfig")}><Input.TextArea rows={6} value={kubeconfig} onChange={(e) => setKubeconfig(e.target.value)} placeholder="apiVersion: v1&#10;kind: Config" /></Labelled>
          <Labelled label={t("targets.context")}><Input value={context} onChange={(e) => setContext(e.target.value)} /></Labelled>
        </>
      )}
      {kind === "engine" && <Labelled label={t("targets.host")}><Input value={host} onChange={(e) => setHost(e.target.value)} placeholder="unix:///var/run/docker.sock" /></Labelled>}
    </Dialog>
  );
}
