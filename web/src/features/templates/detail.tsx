import { useMemo, useState } from "react";
import { Button, Select, Table, Tabs, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { stringify } from "yaml";
import { api, need, type Noun } from "../../api/client";
import { stacks, template as templateQuery, templateSource, templateVersion } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { elementPicture, inReach } from "../../picture/model";
import { save } from "../../picture/svg";
import { PictureView } from "../../picture/view";
import { Confirm } from "../../ui/confirm";
import { DiffView } from "../../ui/diffview";
import { Editor } from "../../ui/editor";
import { LinkButton } from "../../ui/link";
import { labelled, List } from "../../ui/list";
import { StackLink } from "../../ui/name";
import { Facts, Loaded, Page } from "../../ui/page";
import { Ago, StateTag } from "../../ui/state";
import { elementsOf } from "./elements";

type Template = Noun<"Template">;
type Version = Noun<"TemplateVersion">;
type TemplateInput = Noun<"Input">;

export function TemplatePage() {
  const { t } = useText();
  const { name } = useParams({ from: "/shell/templates/$name" });
  const { version: asked } = useSearch({ from: "/shell/templates/$name" });
  const query = useQuery(templateQuery(name));
  const version = asked ?? query.data?.versions?.[0];
  return (
    <Page
      title={name}
      trail={<Link to="/templates" search={{}}>{t("app.templates")}</Link>}
      actions={version !== undefined && <Verbs name={name} version={version} />}
    >
      <Loaded query={query}>{(template) => (version === undefined ? null : <Content template={template} version={version} />)}</Loaded>
    </Page>
  );
}

function Verbs({ name, version }: { name: string; version: string }) {
  const { t } = useText();
  const [deleting, remove] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const source = useQuery(templateSource(name, version));
  const may = useMay();
  const destroy = async () => {
    await need(api.DELETE("/api/v1/templates/{name}/versions/{version}", { params: { path: { name, version } } }));
    await client.invalidateQueries({ queryKey: ["templates"] });
    await navigate({ to: "/templates", search: {} });
  };
  return (
    <>
      {may.anywhere("edit") && (
        <>
          <LinkButton look="primary" to="/stacks/new" search={{ template: name, version }}>{t("templates.makeStack")}</LinkButton>
          <LinkButton to="/templates/new" search={{ name, from: version }}>{t("templates.newVersion")}</LinkButton>
        </>
      )}
      <Button disabled={source.data === undefined} onClick={() => save(`${name}-${version}.yaml`, new Blob([source.data ?? ""], { type: "application/yaml" }))}>{t("common.download")}</Button>
      {may.anywhere("manage") && <Button danger onClick={() => remove(true)}>{t("templates.deleteVersion")}</Button>}
      <Confirm open={deleting} title={t("templates.deleteVersion")} text={t("templates.deleteText", { name, version })} button={t("common.delete")} onClose={() => remove(false)} onConfirm={destroy} />
    </>
  );
}

function Content({ template, version }: { template: Template; version: string }) {
  const { t } = useText();
  const { tab } = useSearch({ from: "/shell/templates/$name" });
  const navigate = useNavigate({ from: "/templates/$name" });
  const details = useQuery(templateVersion(template.name, version));
  const versions = (template.versions ?? []).map((value) => ({ value, label: value }));
  return (
    <>
      <div className="row">
        <span>{t("common.version")}</span>
        <Select aria-label={t("common.version")} value={version} options={versions} onChange={(v: string) => void navigate({ search: (s) => ({ ...s, version: v }) })} style={{ minWidth: 120 }} />
      </div>
      <Loaded query={details}>
        {(v) => (
          <>
            <Facts items={[[t("common.description"), v.description], [t("common.elements"), v.elements], [t("common.created"), <Ago key="c" time={v.created_at} />], [t("common.by"), v.created_by], [t("images.digest"), <code key="d">{v.digest.slice(0, 23)}…</code>]]} />
            <Tabs
              activeKey={tab ?? "graph"}
              onChange={(key) => void navigate({ search: (s) => ({ ...s, tab: key }), replace: true })}
              items={[
                { key: "graph", label: t("templates.graph"), children: <Graph name={template.name} version={version} /> },
                { key: "inputs", label: t("common.inputs"), children: <Inputs version={v} /> },
                { key: "source", label: t("templates.source"), children: <Source name={template.name} version={version} /> },
                { key: "compare", label: t("templates.compare"), children: <Compare template={template} version={version} /> },
                { key: "stacks", label: t("templates.stacksUsing"), children: <Users name={template.name} /> },
              ]}
            />
          </>
        )}
      </Loaded>
    </>
  );
}

function Graph({ name, version }: { name: string; version: string }) {
  const { t } = useText();
  const source = useQuery(templateSource(name, version));
  const [chosen, choose] = useState<string>();
  const elements = useMemo(() => elementsOf(source.data ?? ""), [source.data]);
  const shown = useMemo(() => inReach(elements, chosen), [elements, chosen]);
  const picture = useMemo(() => elementPicture(shown), [shown]);
  const element = elements.find((e) => e.name === chosen);
  return (
    <Loaded query={source}>
      {() => (
        <>
          <PictureView picture={picture} name={`${name}-${version}`} chosen={chosen} onChoose={choose} />
          {shown.length < elements.length && <p className="dim">{t("templates.someElements", { count: shown.length, all: elements.length })}</p>}
          {element ? (
            <section className="section" aria-label={element.name}>
              <h2>{element.name} <span className="dim">{element.type}</span></h2>
              <pre className="block">{stringify(element.properties ?? {})}</pre>
            </section>
          ) : (
            <p className="dim">{t("stacks.choose")}</p>
          )}
        </>
      )}
    </Loaded>
  );
}

function Inputs({ version }: { version: Version }) {
  const { t } = useText();
  const columns: TableColumnsType<TemplateInput> = [
    { title: t("common.name"), key: "name", render: (_, i) => <><code>{i.name}</code> {i.required && <Tag color="error">{t("common.required")}</Tag>}{i.secret && <Tag>{t("common.secret")}</Tag>}</> },
    { title: t("common.type"), dataIndex: "type" },
    { title: t("common.default"), key: "default", render: (_, i) => (i.default === undefined ? "–" : <code>{JSON.stringify(i.default)}</code>) },
    { title: t("common.description"), dataIndex: "description" },
    { title: t("common.constraints"), key: "constraints", render: (_, i) => Object.entries(i.constraints ?? {}).map(([k, v]) => <div key={k}>{k}: {JSON.stringify(v)}</div>) },
    { title: t("templates.usedBy"), key: "used", render: (_, i) => i.used_by?.join(", ") },
  ];
  return <Table<TemplateInput> className="wide-table" size="small" rowKey="name" dataSource={version.inputs ?? []} columns={labelled(columns)} pagination={false} locale={{ emptyText: t("templates.noInputs") }} />;
}

function Source({ name, version }: { name: string; version: string }) {
  const { t } = useText();
  const source = useQuery(templateSource(name, version));
  return <Loaded query={source}>{(text) => <Editor label={t("templates.source")} value={text} height="560px" />}</Loaded>;
}

function Compare({ template, version }: { template: Template; version: string }) {
  const { t } = useText();
  const others = (template.versions ?? []).filter((v) => v !== version);
  const { with: asked } = useSearch({ from: "/shell/templates/$name" });
  const navigate = useNavigate({ from: "/templates/$name" });
  const other = asked ?? others[0];
  const mine = useQuery(templateSource(template.name, version));
  const theirs = useQuery({ ...templateSource(template.name, other ?? ""), enabled: other !== undefined });
  if (other === undefined) return <p className="dim">{t("common.none")}</p>;
  return (
    <>
      <div className="row">
        <span>{t("templates.compare")}</span>
        <Select aria-label={t("templates.compare")} value={other} options={others.map((value) => ({ value, label: value }))} onChange={(v: string) => void navigate({ search: (s) => ({ ...s, with: v }), replace: true })} style={{ minWidth: 120 }} />
      </div>
      <Loaded query={theirs}>
        {(before) => <DiffView before={before} after={mine.data ?? ""} label={t("templates.compare")} />}
      </Loaded>
    </>
  );
}

/** The stacks that use the template, whatever version of it; the newest use first. */
function Users({ name }: { name: string }) {
  const { t } = useText();
  const query = useQuery(stacks);
  const columns: TableColumnsType<Noun<"Stack">> = [
    { title: t("pipelines.stack"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, s) => <StackLink name={s.name} /> },
    { title: t("common.version"), dataIndex: "version", sorter: (a, b) => a.version.localeCompare(b.version, undefined, { numeric: true }) },
    { title: t("common.health"), key: "health", render: (_, s) => <StateTag state={s.health} reason={s.reason} /> },
    { title: t("common.updated"), key: "updated", render: (_, s) => <Ago time={s.updated_at} /> },
  ];
  return (
    <Loaded query={query}>
      {(all) => {
        const mine = all.filter((s) => s.template === name).sort((a, b) => b.updated_at.localeCompare(a.updated_at));
        return mine.length === 0 ? <p className="dim">{t("templates.unused")}</p> : <List label={t("templates.stacksUsing")} items={mine} columns={columns} rowKey={(s) => s.name} />;
      }}
    </Loaded>
  );
}
