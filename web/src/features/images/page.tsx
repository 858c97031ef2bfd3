import { useState } from "react";
import { Button, Checkbox, Tag, type TableColumnsType } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { me, organizations, repositories, tags } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Copyable } from "../../ui/copy";
import { Dialog, RuledInput } from "../../ui/dialog";
import { List } from "../../ui/list";
import { Loaded, Nothing, Page } from "../../ui/page";
import { ProblemAlert } from "../../ui/problem";
import { rules } from "../../ui/rules";
import { Ago } from "../../ui/state";

type ImageTag = Noun<"Tag">;

export function ImagesPage() {
  const { t } = useText();
  const { org, repo } = useSearch({ from: "/shell/images" });
  const [creating, create] = useState(false);
  const may = useMay();
  const trail = org && (
    <>
      <Link to="/images" search={{}}>{t("app.images")}</Link>
      {repo && <> / <Link to="/images" search={{ org }}>{org}</Link></>}
    </>
  );
  return (
    <Page title={repo ? `${org ?? ""}/${repo}` : (org ?? t("app.images"))} trail={trail} actions={!org && may.anywhere("edit") && <Button type="primary" onClick={() => create(true)}>{t("images.createOrg")}</Button>}>
      {!org ? <Organizations /> : !repo ? <Repositories org={org} /> : <Tags image={`${org}/${repo}`} />}
      {may.anywhere("edit") && <PushHelp org={org} repo={repo} />}
      <NewOrganization open={creating} onClose={() => create(false)} />
    </Page>
  );
}

function Organizations() {
  const { t, number } = useText();
  const query = useQuery(organizations);
  const columns: TableColumnsType<Noun<"Organization">> = [
    { title: t("images.org"), key: "name", render: (_, o) => <Link to="/images" search={{ org: o.name }}>{o.name}</Link> },
    { title: t("images.repositories"), key: "n", render: (_, o) => number(o.repositories) },
    { title: t("common.type"), key: "public", render: (_, o) => <Tag>{o.public ? t("images.public") : t("images.private")}</Tag> },
    { title: t("common.created"), key: "created", render: (_, o) => <Ago time={o.created_at} /> },
  ];
  return <Loaded query={query}>{(items) => (items.length === 0 ? <Nothing text={t("images.empty")} /> : <List label={t("images.org")} items={items} columns={columns} rowKey={(o) => o.name} />)}</Loaded>;
}

function Repositories({ org }: { org: string }) {
  const { t, number, bytes } = useText();
  const query = useQuery(repositories(org));
  const columns: TableColumnsType<Noun<"Repository">> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, r) => <Link to="/images" search={{ org, repo: r.name }}>{r.name}</Link> },
    { title: t("images.tags"), key: "tags", render: (_, r) => number(r.tags) },
    { title: t("common.size"), key: "size", render: (_, r) => bytes(r.size) },
    { title: t("common.updated"), key: "updated", sorter: (a, b) => a.updated_at.localeCompare(b.updated_at), render: (_, r) => <Ago time={r.updated_at} /> },
  ];
  return <Loaded query={query}>{(items) => (items.length === 0 ? <Nothing text={t("images.emptyRepos")} /> : <List label={t("images.repositories")} items={items} columns={columns} rowKey={(r) => r.name} />)}</Loaded>;
}

function Tags({ image }: { image: string }) {
  const { t, bytes } = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const query = useQuery(tags(image));
  const [deleting, remove] = useState<ImageTag>();
  const may = useMay();
  const destroy = async () => {
    await need(api.DELETE("/api/v1/tags", { params: { query: { image: `${image}:${deleting?.name ?? ""}` } } }));
    await client.invalidateQueries({ queryKey: ["images"] });
    if (query.data?.length === 1) await navigate({ to: "/images", search: { org: image.split("/")[0] } });
  };
  const columns: TableColumnsType<ImageTag> = [
    { title: t("images.tags"), dataIndex: "name" },
    { title: t("images.digest"), key: "digest", render: (_, x) => <code title={x.digest}>{x.digest.slice(0, 19)}…</code> },
    { title: t("common.size"), key: "size", render: (_, x) => bytes(x.size) },
    { title: t("images.platforms"), key: "platforms", render: (_, x) => x.platforms?.map((p) => <Tag key={p}>{p}</Tag>) },
    { title: t("images.pushedBy"), dataIndex: "pushed_by" },
    { title: t("images.pushedAt"), key: "pushed", sorter: (a, b) => a.pushed_at.localeCompare(b.pushed_at), render: (_, x) => <Ago time={x.pushed_at} /> },
    { title: t("images.pullCommand"), key: "pull", render: (_, x) => <Copyable text={`docker pull ${location.host}/${image}:${x.name}`} /> },
    ...(may.anywhere("manage") ? [{ title: t("common.actions"), key: "actions", render: (_: unknown, x: ImageTag) => <Button size="small" danger aria-label={`${t("images.deleteTag")} ${x.name}`} onClick={() => remove(x)}>{t("common.delete")}</Button> }] : []),
  ];
  const full = `${image}:${deleting?.name ?? ""}`;
  return (
    <>
      <Loaded query={query}>{(items) => <List label={t("images.tags")} items={items} columns={columns} rowKey={(x) => x.name} />}</Loaded>
      <Confirm open={deleting !== undefined} title={t("images.deleteTag")} text={t("images.deleteTagText", { image: full })} button={t("common.delete")} onClose={() => remove(undefined)} onConfirm={destroy} />
    </>
  );
}

function PushHelp({ org, repo }: { org?: string; repo?: string }) {
  const { t } = useText();
  const user = useQuery(me);
  const [token, setToken] = useState<string>();
  const [error, setError] = useState<unknown>();
  const make = async () => {
    setError(undefined);
    try {
      const name = `images ${new Date().toISOString()}`; // one for each sign-in: names of tokens are unique
      setToken((await need(api.POST("/api/v1/tokens", { body: { name, expires_in: "24h" } }))).token);
    } catch (e) {
      setError(e);
    }
  };
  const image = `${location.host}/${org ?? "ORG"}/${repo ?? "REPOSITORY"}:TAG`;
  return (
    <section className="section">
      <h2>{t("images.pushTitle")}</h2>
      <ProblemAlert error={error} />
      <ol>
        <li>
          {t("images.signIn")}: {token === undefined ? <Button size="small" onClick={() => void make()}>{t("images.makeToken")}</Button> : <><Copyable text={`docker login ${location.host} -u ${user.data?.name ?? ""} -p ${token}`} /> <span className="dim">{t("images.temporary")}</span></>}
        </li>
        <li><Copyable text={`docker tag IMAGE ${image}`} /></li>
        <li><Copyable text={`docker push ${image}`} /></li>
      </ol>
    </section>
  );
}

function NewOrganization({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [open_, setPublic] = useState(false);
  const submit = async () => {
    await need(api.POST("/api/v1/organizations", { body: { name, public: open_ } }));
    await client.invalidateQueries({ queryKey: ["images"] });
  };
  return (
    <Dialog open={open} title={t("images.createOrg")} button={t("common.create")} disabled={name === "" || rules.organization(name) !== undefined} onClose={onClose} onSubmit={submit}>
      <RuledInput label={t("common.name")} value={name} rule={rules.organization} autoFocus onChange={setName} />
      <Checkbox checked={open_} onChange={(e) => setPublic(e.target.checked)}>{t("images.public")}</Checkbox>
    </Dialog>
  );
}
