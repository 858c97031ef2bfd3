import { useMemo, useState } from "react";
import { App, Button, Tabs, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { pipeline as pipelineQuery, pipelineMessages, run as runQuery } from "../../api/queries";
import { useText } from "../../i18n";
import { pipelinePicture } from "../../picture/model";
import { PictureView } from "../../picture/view";
import { Confirm } from "../../ui/confirm";
import { Copyable } from "../../ui/copy";
import { Editor } from "../../ui/editor";
import { LinkButton } from "../../ui/link";
import { List } from "../../ui/list";
import { RunLink } from "../../ui/name";
import { Facts, Loaded, Page } from "../../ui/page";
import { useNarrow } from "../../ui/screen";
import { explain } from "../../ui/problem";
import { Ago } from "../../ui/state";
import { useMay } from "../../app/may";
import { ExportDialog } from "../gallery/export";
import { History } from "./history";
import { StartDialog } from "./start";

type Pipeline = Noun<"Pipeline">;

export function PipelinePage() {
  const { t } = useText();
  const { name } = useParams({ from: "/shell/pipelines/$name" });
  const query = useQuery(pipelineQuery(name));
  const may = useMay();
  const group = query.data?.data.group;
  const client = useQueryClient();
  const navigate = useNavigate();
  const [starting, start] = useState(false);
  const [deleting, remove] = useState(false);
  const [exporting, exportIt] = useState(false);
  const destroy = async () => {
    await need(api.DELETE("/api/v1/pipelines/{name}", { params: { path: { name } } }));
    void client.invalidateQueries({ queryKey: ["pipelines"] });
    await navigate({ to: "/pipelines", search: {} });
  };
  return (
    <Page
      title={name}
      trail={<Link to="/pipelines" search={{}}>{t("app.pipelines")}</Link>}
      actions={
        <>
          <Button type="primary" disabled={!query.data} onClick={() => start(true)}>{t("pipelines.start")}</Button>
          {may.in(group, "edit") && <LinkButton to="/pipelines/$name/edit" params={{ name }}>{t("pipelines.edit")}</LinkButton>}
          {may.anywhere("edit") && <Button disabled={!query.data} onClick={() => exportIt(true)}>{t("gallery.export")}</Button>}
          {may.in(group, "manage") && <Button danger onClick={() => remove(true)}>{t("common.delete")}</Button>}
        </>
      }
    >
      <Loaded query={query}>{({ data }) => <Content pipeline={data} />}</Loaded>
      {starting && query.data && <StartDialog pipeline={query.data.data} onClose={() => start(false)} />}
      {exporting && query.data && <ExportDialog pipeline={query.data.data} onClose={() => exportIt(false)} />}
      <Confirm open={deleting} title={t("pipelines.delete")} text={t("pipelines.deleteText", { name })} word="DELETE" button={t("common.delete")} onClose={() => remove(false)} onConfirm={destroy} />
    </Page>
  );
}

function Content({ pipeline }: { pipeline: Pipeline }) {
  const text = useText();
  const { t } = text;
  const { tab } = useSearch({ from: "/shell/pipelines/$name" });
  const navigate = useNavigate({ from: "/pipelines/$name" });
  const last = useQuery({ ...runQuery(pipeline.last_run?.id ?? ""), enabled: pipeline.last_run !== undefined });
  const states = last.data?.stages;
  const narrow = useNarrow();
  const picture = useMemo(() => {
    const stages = (pipeline.spec.stages ?? []).map((s) => ({ ...s, state: states?.find((r) => r.name === s.name)?.state }));
    return pipelinePicture(stages, (s) => text.stageType(s.type), narrow ? "down" : "right");
  }, [pipeline, states, text, narrow]);
  return (
    <>
      <p className="dim">{pipeline.description}</p>
      <PictureView picture={picture} name={pipeline.name} onChoose={last.data && ((stage) => void navigate({ to: "/runs/$id", params: { id: last.data.id }, search: { stage } }))} />
      <Tabs
        activeKey={tab ?? "runs"}
        onChange={(key) => void navigate({ search: (s) => ({ ...s, tab: key }), replace: true })}
        items={[
          { key: "runs", label: t("pipelines.history"), children: <History name={pipeline.name} /> },
          { key: "variables", label: t("pipelines.variables"), children: <Facts items={(pipeline.spec.variables ?? []).map((v) => [v.description ? `${v.name} · ${v.description}` : v.name, <code key={v.name}>{v.value}</code>])} /> },
          { key: "messages", label: t("decide.messages"), children: <Messages name={pipeline.name} /> },
          { key: "webhooks", label: t("pipelines.webhooks"), children: <Webhooks pipeline={pipeline} /> },
          { key: "yaml", label: t("pipelines.yaml"), children: <Editor value={pipeline.source} label={t("pipelines.yaml")} /> },
        ]}
      />
      <Facts items={[[t("common.group"), pipeline.group], [t("pipelines.concurrency"), t(`pipelines.${pipeline.spec.concurrency as "queue"}`)], [t("common.updated"), <Ago key="u" time={pipeline.updated_at} />], [t("common.by"), pipeline.updated_by]]} />
    </>
  );
}

function Webhooks({ pipeline }: { pipeline: Pipeline }) {
  const { t } = useText();
  const hooks = pipeline.webhooks ?? [];
  if (hooks.length === 0) return <p className="dim">{t("common.none")}</p>;
  return (
    <ul className="plain">
      {hooks.map((h) => <WebhookRow key={h.condition} pipeline={pipeline.name} hook={h} />)}
    </ul>
  );
}

function WebhookRow({ pipeline, hook }: { pipeline: string; hook: Noun<"Webhook"> }) {
  const { t } = useText();
  const client = useQueryClient();
  const { message } = App.useApp();
  const [rotating, rotate] = useState(false);
  const [secret, setSecret] = useState<string>();
  const change = async (body: { rotate?: boolean; disabled?: boolean; new_secret?: boolean }) => {
    const stored = await need(api.POST("/api/v1/pipelines/{name}/webhooks", { params: { path: { name: pipeline } }, body: { condition: hook.condition, ...body } }));
    if (body.new_secret) setSecret(stored.secret);
    await client.invalidateQueries({ queryKey: ["pipelines"] });
  };
  const quietly = (body: Parameters<typeof change>[0]) => void change(body).catch((e: unknown) => message.error(explain(e, t)));
  return (
    <li>
      <span className="dim">{hook.condition}</span>
      <Copyable text={hook.url} />
      {hook.disabled && <Tag>{t("decide.disabled")}</Tag>}
      {hook.signature && <Tag>{hook.signature}</Tag>}
      <Button size="small" onClick={() => rotate(true)}>{t("decide.rotate")}</Button>
      <Button size="small" onClick={() => quietly({ disabled: !hook.disabled })}>{hook.disabled ? t("decide.enable") : t("decide.disable")}</Button>
      <Button size="small" onClick={() => quietly({ new_secret: true })}>{t("decide.newSecret")}</Button>
      {secret && <p>{t("decide.secretOnce")} <Copyable text={secret} /></p>}
      <Confirm open={rotating} title={t("decide.rotate")} text={t("decide.rotateText")} button={t("decide.rotate")} onClose={() => rotate(false)} onConfirm={() => change({ rotate: true })} />
    </li>
  );
}

function Messages({ name }: { name: string }) {
  const { t, said, cause } = useText();
  const query = useQuery(pipelineMessages(name));
  const columns: TableColumnsType<Noun<"Message">> = [
    { title: t("common.time"), key: "time", render: (_, m) => <Ago time={m.received_at} /> },
    { title: t("decide.source"), key: "source", render: (_, m) => <>{cause(m.kind)} <span className="dim">{m.source ?? m.condition}</span></> },
    { title: t("decide.parameters"), key: "params", render: (_, m) => Object.entries(m.params).map(([k, v]) => <div key={k}><code>{k}={v}</code></div>) },
    { title: t("decide.result"), key: "result", render: (_, m) => <>{m.run ? <RunLink id={m.run}>{said(m.result)}</RunLink> : said(m.result)} <span className="dim">{said(m.reason)}</span></> },
  ];
  return <Loaded query={query}>{(items) => <List label={t("decide.messages")} items={items} columns={columns} rowKey={(m) => m.id + m.condition} empty={t("decide.noMessages")} />}</Loaded>;
}
