// The rest of a stack's life: what differs on the target, the good states to go back to, copies, protection.
import { useState } from "react";
import { App, Button, Input, Select, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { stackDrift, stackHistory, targets } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, Labelled, RuledInput } from "../../ui/dialog";
import { List } from "../../ui/list";
import { TemplateLink } from "../../ui/name";
import { Loaded } from "../../ui/page";
import { explain } from "../../ui/problem";
import { rules } from "../../ui/rules";
import { Ago, StateTag } from "../../ui/state";
import { valueText } from "./plan";

type Stack = Noun<"Stack">;

export function DriftView({ name }: { name: string }) {
  const { t, time, said } = useText();
  const query = useQuery(stackDrift(name));
  return (
    <>
      <div className="row"><Button loading={query.isFetching} onClick={() => void query.refetch()}>{t("drift.look")}</Button></div>
      <Loaded query={query}>
        {(drift) => {
          const differing = (drift.elements ?? []).filter((e) => e.state !== "same");
          return (
            <>
              <p className="dim">{t("drift.read", { time: time(drift.read_at) })}</p>
              {differing.length === 0 && <p>{t("drift.none")}</p>}
              {differing.map((e) => (
                <div className="operation" key={e.element}>
                  <div className="operation-head"><StateTag state={e.state} /><strong>{e.element}</strong><span className="dim">{e.type}</span><span>{said(e.reason)}</span></div>
                  {(e.fields ?? []).length > 0 && (
                    <table className="diff">
                      <thead><tr><th scope="col">{t("common.name")}</th><th scope="col">{t("stacks.before")}</th><th scope="col">{t("stacks.live")}</th></tr></thead>
                      <tbody>
                        {e.fields?.map((f) => <tr key={f.path}><td>{f.path}</td><td className="before">{f.before === undefined ? "" : valueText(f.before)}</td><td className="after">{f.live === undefined ? t("common.none") : valueText(f.live)}</td></tr>)}
                      </tbody>
                    </table>
                  )}
                </div>
              ))}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

export function GoodStates({ stack }: { stack: Stack }) {
  const { t } = useText();
  const { name } = stack;
  const client = useQueryClient();
  const query = useQuery(stackHistory(name));
  const may = useMay();
  const [chosen, choose] = useState<number>();
  const restore = async () => {
    await need(api.POST("/api/v1/stacks/{name}/rollback", { params: { path: { name } }, body: { to: chosen } }));
    await client.invalidateQueries({ queryKey: ["stacks"] });
  };
  const columns: TableColumnsType<Noun<"GoodState">> = [
    { title: t("common.number"), key: "state", render: (_, s) => <>{s.state} {s.current && <Tag color="success">{t("drift.current")}</Tag>}</> },
    { title: t("stacks.template"), key: "template", render: (_, s) => <TemplateLink name={s.template} version={s.version} /> },
    { title: t("common.inputs"), key: "inputs", render: (_, s) => Object.entries(s.inputs).map(([k, v]) => <div key={k}><code>{k}={valueText(v)}</code></div>) },
    { title: t("common.time"), key: "at", render: (_, s) => <Ago time={s.at} /> },
    { title: t("common.by"), dataIndex: "by" },
    { title: t("common.actions"), key: "actions", render: (_, s) => !s.current && may.anywhere("edit") && <Button size="small" disabled={stack.status === "processing"} onClick={() => choose(s.state)}>{t("drift.restore")}</Button> },
  ];
  return (
    <>
      <Loaded query={query}>{(items) => <List label={t("drift.states")} items={items} columns={columns} rowKey={(s) => String(s.state)} />}</Loaded>
      <Confirm open={chosen !== undefined} title={t("stacks.rollback")} text={t("stacks.rollbackText")} button={t("stacks.rollback")} onClose={() => choose(undefined)} onConfirm={restore} />
    </>
  );
}

export function ProtectButton({ stack }: { stack: Stack }) {
  const { t } = useText();
  const client = useQueryClient();
  const { message } = App.useApp();
  const turn = async () => {
    try {
      await need(api.PATCH("/api/v1/stacks/{name}", { params: { path: { name: stack.name } }, body: { protected: !stack.protected } }));
      await client.invalidateQueries({ queryKey: ["stacks"] });
    } catch (e) {
      void message.error(explain(e, t));
    }
  };
  return <Button onClick={() => void turn()}>{stack.protected ? t("drift.unprotect") : t("drift.protect")}</Button>;
}

export function CopyDialog({ stack, onClose }: { stack: Stack; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const targetList = useQuery(targets);
  const [name, setName] = useState("");
  const [target, setTarget] = useState(stack.target);
  const [namespace, setNamespace] = useState(stack.namespace);
  const submit = async () => {
    await need(api.POST("/api/v1/stacks/{name}/copy", { params: { path: { name: stack.name } }, body: { name, target, namespace } }));
    await client.invalidateQueries({ queryKey: ["stacks"] });
    await navigate({ to: "/stacks/$name", params: { name }, search: {} });
  };
  return (
    <Dialog open title={t("drift.copyTitle", { name: stack.name })} button={t("drift.copy")} disabled={name === "" || rules.stack(name) !== undefined} onClose={onClose} onSubmit={submit}>
      <RuledInput label={t("drift.newName")} value={name} rule={rules.stack} autoFocus maxLength={64} onChange={setName} />
      <Labelled label={t("stacks.target")}><Select value={target} onChange={setTarget} options={(targetList.data ?? []).map((x) => ({ value: x.name, label: x.name }))} /></Labelled>
      <Labelled label={t("pipelines.namespace")}><Input value={namespace} onChange={(e) => setNamespace(e.target.value)} /></Labelled>
    </Dialog>
  );
}
