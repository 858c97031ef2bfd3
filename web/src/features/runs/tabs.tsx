// What the tabs of a run show beside the log: resources, parameters, trigger messages, images, other runs.
import { Tag, type TableColumnsType } from "antd";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { runs as runsQuery, stack as stackQuery, stackElements } from "../../api/queries";
import { useText } from "../../i18n";
import { Copyable } from "../../ui/copy";
import { List } from "../../ui/list";
import { StackLink, TemplateLink } from "../../ui/name";
import { Facts, Loaded } from "../../ui/page";
import { Ago, StateTag } from "../../ui/state";
import { valueText } from "../../ui/value";

type Run = Noun<"Run">;
type StageRun = Noun<"StageRun">;

const stacksOf = (stages: readonly StageRun[]) => [...new Set(stages.flatMap((s) => (s.stack ? [s.stack] : [])))];

export function Triggers({ stages }: { stages: readonly StageRun[] }) {
  const { t, time, cause } = useText();
  const conditions = stages.flatMap((s) => (s.conditions ?? []).map((c) => ({ stage: s.name, ...c })));
  if (conditions.length === 0) return <p className="dim">{t("sent.noConditions")}</p>;
  return (
    <ul className="plain">
      {conditions.map((c) => (
        <li key={c.condition}>
          <Tag color={c.met ? "success" : "default"}>{c.met ? t("decide.met") : t("decide.open")}</Tag>
          <strong>{c.stage}</strong> {cause(c.kind)} {c.kind !== "webhook" && <span className="dim">{c.source}</span>}
          {c.at && <span className="dim">{time(c.at)}</span>}
          {Object.entries(c.values ?? {}).map(([k, v]) => <code key={k}>{k}={v}</code>)}
        </li>
      ))}
    </ul>
  );
}

export function Others({ run }: { run: Run }) {
  const { t } = useText();
  const query = useInfiniteQuery(runsQuery(run.pipeline));
  const others = (query.data?.pages[0]?.items ?? []).filter((r) => r.id !== run.id).slice(0, 20);
  if (others.length === 0) return <p className="dim">{t("sent.noOthers")}</p>;
  return (
    <ul className="plain">
      {others.map((r) => <li key={r.id}><StateTag state={r.state} /><Link to="/runs/$id/compare/$other" params={{ id: r.id, other: run.id }}>#{r.number}</Link><Ago time={r.created_at} /></li>)}
    </ul>
  );
}

export function Images({ stages }: { stages: readonly StageRun[] }) {
  const { t } = useText();
  const images = stages.flatMap((s) => (s.images ?? []).map((i) => ({ stage: s.name, ...i })));
  if (images.length === 0) return <p className="dim">{t("common.none")}</p>;
  return <ul className="plain">{images.map((i) => <li key={`${i.stage} ${i.name}`}><strong>{i.stage}</strong><span>{i.name}</span><Copyable text={i.address} /><code className="dim">{i.digest}</code></li>)}</ul>;
}

/** The stacks that the stages work on: what was made, with the state that it is in now. */
export function Resources({ stages }: { stages: readonly StageRun[] }) {
  const { t } = useText();
  const names = stacksOf(stages);
  if (names.length === 0) return <p className="dim">{t("common.none")}</p>;
  return <>{names.map((name) => <StackResources key={name} name={name} />)}</>;
}

function StackResources({ name }: { name: string }) {
  const { t, said } = useText();
  const query = useQuery(stackElements(name));
  const columns: TableColumnsType<Noun<"Record">> = [
    { title: t("common.name"), dataIndex: "element" },
    { title: t("common.type"), dataIndex: "type" },
    { title: t("common.health"), key: "health", render: (_, r) => <StateTag state={r.health} reason={r.reason} /> },
    { title: t("common.reason"), key: "reason", render: (_, r) => said(r.reason) },
    { title: t("common.updated"), key: "updated", render: (_, r) => <Ago time={r.updated_at} /> },
  ];
  return (
    <section className="section">
      <h2><StackLink name={name} /></h2>
      <Loaded query={query}>{(items) => <List label={name} items={items} columns={columns} rowKey={(r) => r.element} />}</Loaded>
    </section>
  );
}

/** The inputs of the stacks as they are now, and their outputs, such as the address of the application. */
export function Parameters({ stages }: { stages: readonly StageRun[] }) {
  const { t } = useText();
  const names = stacksOf(stages);
  if (names.length === 0) return <p className="dim">{t("common.none")}</p>;
  return <>{names.map((name) => <StackParameters key={name} name={name} />)}</>;
}

function StackParameters({ name }: { name: string }) {
  const { t } = useText();
  const query = useQuery(stackQuery(name));
  return (
    <section className="section">
      <h2><StackLink name={name} /></h2>
      <Loaded query={query}>
        {({ data: s }) => (
          <>
            <Facts items={[[t("stacks.template"), <TemplateLink key="t" name={s.template} version={s.version} />], ...Object.entries(s.inputs).map(([k, v]): [string, React.ReactNode] => [k, <code key={k}>{valueText(v)}</code>])]} />
            {(s.outputs ?? []).length > 0 && <><h3 className="section">{t("common.outputs")}</h3><Facts items={(s.outputs ?? []).map((o): [string, React.ReactNode] => [o.name, <OutputValue key={o.name} value={o.value} />])} /></>}
          </>
        )}
      </Loaded>
    </section>
  );
}

/** An output; an address of the web is a link. */
export function OutputValue({ value }: { value: unknown }) {
  const text = valueText(value);
  return /^https?:\/\/[^\s"'<>]+$/.test(text) ? <><a href={text} target="_blank" rel="noreferrer">{text}</a></> : <code>{text}</code>;
}
