import type { TableColumnsType } from "antd";
import { Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { templates } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { LinkButton } from "../../ui/link";
import { filtered, Filters, List } from "../../ui/list";
import { TemplateLink } from "../../ui/name";
import { Loaded, Nothing, Page } from "../../ui/page";
import { Ago } from "../../ui/state";

type Template = Noun<"Template">;

export function TemplatesPage() {
  const { t } = useText();
  const filter = useSearch({ from: "/shell/templates" });
  const navigate = useNavigate({ from: "/templates" });
  const query = useQuery(templates);
  const may = useMay();
  const columns: TableColumnsType<Template> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, x) => <><TemplateLink name={x.name} /><div className="dim">{x.description}</div></> },
    { title: t("common.versions"), key: "versions", render: (_, x) => x.versions?.slice(0, 6).map((v) => <Tag key={v}>{v}</Tag>) },
    { title: t("common.updated"), key: "updated", sorter: (a, b) => a.updated_at.localeCompare(b.updated_at), render: (_, x) => <Ago time={x.updated_at} /> },
  ];
  const create = may.anywhere("edit") && <LinkButton look="primary" to="/templates/new" search={{}}>{t("templates.create")}</LinkButton>;
  return (
    <Page title={t("app.templates")} actions={create}>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Nothing text={t("templates.empty")}>{create}</Nothing>
          ) : (
            <>
              <Filters filter={filter} onChange={(search) => void navigate({ search: search, replace: true })} />
              <List label={t("app.templates")} items={filtered(all, filter)} columns={columns} rowKey={(x) => x.name} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
