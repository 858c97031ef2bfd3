import { useState } from "react";
import { App, Button, Input, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { channelMessages, channels } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, RuledInput } from "../../ui/dialog";
import { List } from "../../ui/list";
import { PipelineLink, RunLink } from "../../ui/name";
import { Loaded, Nothing, Page } from "../../ui/page";
import { explain } from "../../ui/problem";
import { rules } from "../../ui/rules";
import { Ago } from "../../ui/state";

type Channel = Noun<"Channel">;
type ChannelMessage = Noun<"ChannelMessage">;

export function ChannelsPage() {
  const { t } = useText();
  const { name } = useSearch({ from: "/shell/channels" });
  const [publishing, publish] = useState(false);
  const [deleting, remove] = useState(false);
  const may = useMay();
  const client = useQueryClient();
  const navigate = useNavigate();
  const destroy = async () => {
    await need(api.DELETE("/api/v1/channels/{name}", { params: { path: { name: name ?? "" } } }));
    await client.invalidateQueries({ queryKey: ["channels"] });
    await navigate({ to: "/channels", search: {} });
  };
  return (
    <Page
      title={name ?? t("app.channels")}
      trail={name && <Link to="/channels" search={{}}>{t("app.channels")}</Link>}
      actions={<>{may.anywhere("edit") && <Button type="primary" onClick={() => publish(true)}>{t("channels.publish")}</Button>}{name && may.anywhere("manage") && <Button danger onClick={() => remove(true)}>{t("common.delete")}</Button>}</>}
    >
      {name === undefined ? <Channels /> : <Messages name={name} />}
      {publishing && <PublishDialog channel={name} onClose={() => publish(false)} />}
      <Confirm open={deleting} title={t("common.delete")} text={t("channels.deleteText", { name: name ?? "" })} button={t("common.delete")} onClose={() => remove(false)} onConfirm={destroy} />
    </Page>
  );
}

function Channels() {
  const { t, number } = useText();
  const query = useQuery(channels);
  const columns: TableColumnsType<Channel> = [
    { title: t("channels.name"), key: "name", render: (_, c) => <><Link to="/channels" search={{ name: c.name }}>{c.name}</Link><div className="dim">{c.description}</div></> },
    { title: t("channels.publishers"), key: "publishers", render: (_, c) => c.publishers?.map((p) => <Tag key={p}>{p}</Tag>) },
    { title: t("channels.listeners"), key: "listeners", render: (_, c) => c.listeners?.map((l) => <Tag key={l}>{l}</Tag>) },
    { title: t("channels.messages"), key: "messages", render: (_, c) => number(c.messages) },
    { title: t("common.created"), key: "created", render: (_, c) => <Ago time={c.created_at} /> },
  ];
  return <Loaded query={query}>{(items) => (items.length === 0 ? <Nothing text={t("channels.empty")} /> : <List label={t("app.channels")} items={items} columns={columns} rowKey={(c) => c.name} />)}</Loaded>;
}

function Messages({ name }: { name: string }) {
  const { t } = useText();
  const client = useQueryClient();
  const { message } = App.useApp();
  const query = useQuery(channelMessages(name));
  const may = useMay();
  const replay = async (id: string) => {
    try {
      await need(api.POST("/api/v1/channels/{name}/messages/{id}/replay", { params: { path: { name, id } } }));
      void message.success(t("channels.published"));
      await client.invalidateQueries({ queryKey: ["channels"] });
    } catch (e) {
      void message.error(explain(e, t));
    }
  };
  const columns: TableColumnsType<ChannelMessage> = [
    { title: t("common.time"), key: "time", render: (_, m) => <Ago time={m.published_at} /> },
    { title: t("common.by"), dataIndex: "by" },
    { title: t("decide.parameters"), key: "params", render: (_, m) => Object.entries(m.params).map(([k, v]) => <div key={k}><code>{k}={v}</code></div>) },
    { title: t("decide.result"), key: "deliveries", render: (_, m) => <Deliveries message={m} /> },
    ...(may.anywhere("edit") ? [{ title: t("common.actions"), key: "actions", render: (_: unknown, m: ChannelMessage) => <Button size="small" onClick={() => void replay(m.id)}>{t("channels.replay")}</Button> }] : []),
  ];
  return <Loaded query={query}>{(items) => <List label={t("channels.messages")} items={items} columns={columns} rowKey={(m) => m.id} empty={t("decide.noMessages")} />}</Loaded>;
}

/** What a message did at each condition that listens. */
function Deliveries({ message }: { message: ChannelMessage }) {
  const { t, said } = useText();
  const deliveries = message.deliveries ?? [];
  if (deliveries.length === 0) return message.delivered ? <span className="dim">{t("channels.unheard")}</span> : null;
  return (
    <>
      {deliveries.map((d) => (
        <div key={d.pipeline + d.condition} className="with-link">
          <PipelineLink name={d.pipeline} />{t("roles.colon")}{d.run ? <RunLink id={d.run}>{said(d.result)}</RunLink> : said(d.result)} <span className="dim">{said(d.reason)}</span>
        </div>
      ))}
    </>
  );
}

function PublishDialog({ channel, onClose }: { channel?: string; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [name, setName] = useState(channel ?? "");
  const [rows, setRows] = useState<[string, string][]>([["", ""]]);
  const submit = async () => {
    const params = Object.fromEntries(rows.filter(([k]) => k !== ""));
    await need(api.POST("/api/v1/channels/{name}/messages", { params: { path: { name } }, body: { params } }));
    await client.invalidateQueries({ queryKey: ["channels"] });
  };
  const change = (i: number, row: [string, string]) => setRows(rows.map((r, n) => (n === i ? row : r)));
  return (
    <Dialog open title={t("channels.publishTitle", { name })} button={t("channels.publish")} disabled={name === "" || rules.channel(name) !== undefined} onClose={onClose} onSubmit={submit}>
      {channel === undefined && <RuledInput label={t("channels.name")} value={name} rule={rules.channel} onChange={setName} />}
      {rows.map(([k, v], i) => (
        <div className="row" key={i}>
          <Input className="wide" value={k} placeholder={t("common.name")} aria-label={`${t("common.name")} ${i + 1}`} onChange={(e) => change(i, [e.target.value, v])} />
          <Input className="wide" value={v} placeholder={t("common.value")} aria-label={`${t("common.value")} ${i + 1}`} onChange={(e) => change(i, [k, e.target.value])} />
        </div>
      ))}
      <Button size="small" onClick={() => setRows([...rows, ["", ""]])}>{t("channels.addParam")}</Button>
    </Dialog>
  );
}
