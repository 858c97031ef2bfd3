import { useMemo, useState } from "react";
import { App, Button, Checkbox, Collapse, Tabs, Tag, type TableColumnsType } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { action as actionQuery, stack as stackQuery, stackActions, stackElements, stackEvents, templateSource } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { elementPicture, inReach, type ElementLike } from "../../picture/model";
import { PictureView } from "../../picture/view";
import { Confirm } from "../../ui/confirm";
import { CopyButton } from "../../ui/copy";
import { LinkButton } from "../../ui/link";
import { List } from "../../ui/list";
import { StackLink, TemplateLink } from "../../ui/name";
import { Facts, Loaded, Nothing, Page } from "../../ui/page";
import { explain } from "../../ui/problem";
import { Ago, StateTag, Took } from "../../ui/state";
import { CopyDialog, DriftView, GoodStates, ProtectButton } from "./life";
import { OutputValue } from "../runs/tabs";
import { elementsOf } from "../templates/elements";
import { PlanView, valueText } from "./plan";

type Stack = Noun<"Stack">;
type Element = Noun<"Record">;
type Action = Noun<"Action">;

export function StackPage() {
  const { t } = useText();
  const { name } = useParams({ from: "/shell/stacks/$name" });
  const query = useQuery(stackQuery(name));
  const stack = query.data?.data;
  return (
    <Page
      title={name}
      trail={<Link to="/stacks" search={{}}>{t("app.stacks")}</Link>}
      note={stack && <><StateTag state={stack.status} good={stack.status === "running"} /><StateTag state={stack.health} reason={stack.reason} />{stack.protected && <Tag>{t("drift.protectedTag")}</Tag>}{Object.entries(stack.labels ?? {}).map(([k, v]) => <Tag key={k}>{k}={v}</Tag>)}</>}
      actions={stack && <Verbs stack={stack} />}
    >
      <Loaded query={query}>{({ data }) => <Content stack={data} />}</Loaded>
    </Page>
  );
}

function Verbs({ stack }: { stack: Stack }) {
  const { t, verb } = useText();
  const may = useMay();
  const { name } = stack;
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const [deleting, remove] = useState(false);
  const [rolling, roll] = useState(false);
  const [force, setForce] = useState(false);
  const [copying, copy] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: ["stacks"] });
  const rollback = async () => {
    await need(api.POST("/api/v1/stacks/{name}/rollback", { params: { path: { name } }, body: {} }));
    void message.success(t("stacks.begun", { verb: verb("rollback") }));
    await refresh();
  };
  const retry = useMutation({
    mutationFn: () => need(api.POST("/api/v1/stacks/{name}/retry", { params: { path: { name } }, body: {} })),
    onSuccess: refresh,
    onError: (e) => void message.error(explain(e, t)),
  });
  const cancel = useMutation({
    mutationFn: () => need(api.POST("/api/v1/stacks/{name}/cancel", { params: { path: { name } } })),
    onSuccess: refresh,
    onError: (e) => void message.error(explain(e, t)),
  });
  const destroy = async () => {
    await need(api.DELETE("/api/v1/stacks/{name}", { params: { path: { name }, query: force ? { force: true } : {} } }));
    await refresh();
    await navigate({ to: "/stacks", search: {} });
  };
  const busy = stack.status === "processing";
  if (!may.anywhere("edit")) return null;
  return (
    <>
      {busy ? (
        <Button onClick={() => cancel.mutate()} loading={cancel.isPending}>{t("stacks.cancel")}</Button>
      ) : (
        <>
          <LinkButton look="primary" to="/stacks/$name/change" params={{ name }}>{t("stacks.change")}</LinkButton>
          <Button onClick={() => roll(true)}>{t("stacks.rollback")}</Button>
          <Button onClick={() => copy(true)}>{t("drift.copy")}</Button>
          <ProtectButton stack={stack} />
          {stack.status === "abnormal" && <Button onClick={() => retry.mutate()} loading={retry.isPending}>{t("stacks.retry")}</Button>}
        </>
      )}
      {may.anywhere("manage") && <Button danger disabled={busy || stack.protected} onClick={() => remove(true)}>{t("common.delete")}</Button>}
      {copying && <CopyDialog stack={stack} onClose={() => copy(false)} />}
      <Confirm open={rolling} title={t("stacks.rollback")} text={t("stacks.rollbackText")} button={t("stacks.rollback")} onClose={() => roll(false)} onConfirm={rollback} />
      <Confirm open={deleting} title={t("stacks.delete")} text={t("stacks.deleteText", { name })} word={name} button={t("common.delete")} onClose={() => remove(false)} onConfirm={destroy}>
        <Checkbox checked={force} onChange={(e) => setForce(e.target.checked)}>{t("stacks.force")}</Checkbox>
      </Confirm>
    </>
  );
}

function Content({ stack }: { stack: Stack }) {
  const { t, said } = useText();
  const { tab } = useSearch({ from: "/shell/stacks/$name" });
  const navigate = useNavigate({ from: "/stacks/$name" });
  return (
    <>
      <Facts
        items={[
          [t("common.description"), stack.description],
          [t("stacks.template"), <TemplateLink key="t" name={stack.template} version={stack.version} />],
          [t("stacks.target"), `${stack.target} / ${stack.namespace}`],
          [t("drift.parent"), stack.parent && <StackLink key="p" name={stack.parent} />],
          [t("stacks.revision"), stack.revision],
          [t("common.updated"), <Ago key="u" time={stack.updated_at} />],
          [t("common.by"), stack.created_by],
          [t("common.reason"), said(stack.reason)],
        ]}
      />
      <Tabs
        activeKey={tab ?? "elements"}
        onChange={(key) => void navigate({ search: (s) => ({ ...s, tab: key }), replace: true })}
        items={[
          { key: "elements", label: t("common.elements"), children: <Elements stack={stack} /> },
          { key: "inputs", label: t("common.inputs"), children: <Facts items={Object.entries(stack.inputs).map(([k, v]) => [k, <code key={k}>{valueText(v)}</code>])} /> },
          { key: "outputs", label: t("common.outputs"), children: <Outputs stack={stack} /> },
          { key: "drift", label: t("drift.title"), children: <DriftView name={stack.name} /> },
          { key: "states", label: t("drift.states"), children: <GoodStates stack={stack} /> },
          { key: "events", label: t("common.events"), children: <Events name={stack.name} /> },
          { key: "actions", label: t("common.history"), children: <Actions name={stack.name} /> },
        ]}
      />
    </>
  );
}

// Texts of templates with more elements are not read for the picture.
const mostRead = 1000;

function Elements({ stack }: { stack: Stack }) {
  const { t, said } = useText();
  const { name } = stack;
  const { element: chosen } = useSearch({ from: "/shell/stacks/$name" });
  const navigate = useNavigate({ from: "/stacks/$name" });
  const query = useQuery(stackElements(name));
  const count = query.data?.length ?? 0;
  const source = useQuery({ ...templateSource(stack.template, stack.version), enabled: count > 0 && count <= mostRead });
  const written = useMemo(() => new Map(elementsOf(source.data ?? "").map((e) => [e.name, e])), [source.data]);
  const shown = useMemo(() => inReach((query.data ?? []).map((r) => ({ name: r.element, type: r.type, ...needsOf(r, written), state: r.health })), chosen), [query.data, written, chosen]);
  const picture = useMemo(() => elementPicture(shown), [shown]);
  const choose = (element: string) => void navigate({ search: (s) => ({ ...s, element }), replace: true });
  const columns: TableColumnsType<Element> = [
    { title: t("common.name"), key: "name", render: (_, r) => <Button type="link" size="small" onClick={() => choose(r.element)}>{r.element}</Button> },
    { title: t("common.type"), dataIndex: "type" },
    { title: t("common.health"), key: "health", render: (_, r) => <StateTag state={r.health} reason={r.reason} /> },
    { title: t("common.reason"), key: "reason", render: (_, r) => said(r.reason) },
    { title: t("common.updated"), key: "updated", render: (_, r) => <Ago time={r.updated_at} /> },
  ];
  return (
    <Loaded query={query}>
      {(items) => {
        if (items.length === 0) return <Nothing text={t("stacks.nothing")} />;
        const element = items.find((r) => r.element === chosen);
        return (
          <>
            <PictureView picture={picture} name={name} chosen={chosen} onChoose={choose} />
            {shown.length < items.length && <p className="dim">{t("templates.someElements", { count: shown.length, all: items.length })}</p>}
            {element ? <ElementFacts element={element} /> : <p className="dim">{t("stacks.choose")}</p>}
            <List label={t("common.elements")} items={items} columns={columns} rowKey={(r) => r.element} />
          </>
        );
      }}
    </Loaded>
  );
}

/** What an element needs, apart by how: a record holds both, and the template tells which of them are only referred to. */
export function needsOf(record: Pick<Element, "element" | "requires">, written: ReadonlyMap<string, ElementLike>): Pick<ElementLike, "requires" | "refers"> {
  const template = written.get(record.element);
  const read = (other: string) => template?.refers?.includes(other) === true && template.requires?.includes(other) !== true;
  const needs = record.requires ?? [];
  return { requires: needs.filter((n) => !read(n)), refers: needs.filter(read) };
}

function ElementFacts({ element }: { element: Element }) {
  const { t, said } = useText();
  return (
    <section className="section" aria-label={element.element}>
      <h2>{element.element} <span className="dim">{element.type}</span></h2>
      <Facts
        items={[
          [t("common.health"), <StateTag key="h" state={element.health} />],
          [t("common.reason"), said(element.reason)],
          [t("stacks.requires"), element.requires?.join(", ")],
          ...Object.entries(element.attributes ?? {}).map(([k, v]): [string, React.ReactNode] => [k, <code key={k}>{valueText(v)}</code>]),
        ]}
      />
    </section>
  );
}

function Outputs({ stack }: { stack: Stack }) {
  const { t } = useText();
  const outputs = stack.outputs ?? [];
  if (outputs.length === 0) return <p className="dim">{t("common.none")}</p>;
  return (
    <Facts
      items={outputs.map((o) => [
        o.description ? `${o.name} · ${o.description}` : o.name,
        <span key={o.name}><OutputValue value={o.value} /><CopyButton text={valueText(o.value)} /></span>,
      ])}
    />
  );
}

function Events({ name }: { name: string }) {
  const { t, time, said } = useText();
  const query = useQuery(stackEvents(name));
  return (
    <Loaded query={query}>
      {(items) => (
        <ul className="plain" aria-label={t("common.events")}>
          {items.map((e) => <li key={e.seq}><time className="dim" dateTime={e.time}>{time(e.time)}</time>{e.part && <strong>{e.part}</strong>}<span>{said(e.message)}</span></li>)}
        </ul>
      )}
    </Loaded>
  );
}

function Actions({ name }: { name: string }) {
  const text = useText();
  const { t } = text;
  const query = useQuery(stackActions(name));
  return (
    <Loaded query={query}>
      {(items) => (
        <Collapse
          items={items.map((a) => ({
            key: a.id,
            label: (
              <span className="operation-head">
                <StateTag state={a.state} />
                <strong>{text.verb(a.verb)}</strong>
                <span>{a.template}@{a.version}</span>
                <Ago time={a.created_at} />
                <Took from={a.started_at} to={a.ended_at} />
                <span className="dim">{a.by}</span>
                {a.message && <span>{text.said(a.message)}</span>}
              </span>
            ),
            children: <ActionPlan action={a} label={t("stacks.plan")} />,
          }))}
        />
      )}
    </Loaded>
  );
}

function ActionPlan({ action }: { action: Action; label: string }) {
  const query = useQuery(actionQuery(action.id));
  return <Loaded query={query}>{(a) => <PlanView plan={a.plan} states />}</Loaded>;
}
