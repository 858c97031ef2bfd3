import type { TableColumnsType } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { stacks } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { LinkButton } from "../../ui/link";
import { filtered, Filters, List } from "../../ui/list";
import { StackLink, TemplateLink } from "../../ui/name";
import { Loaded, Nothing, Page } from "../../ui/page";
import { Ago, StateTag } from "../../ui/state";

type Stack = Noun<"Stack">;

export function StacksPage() {
  const { t } = useText();
  const filter = useSearch({ from: "/shell/stacks" });
  const navigate = useNavigate({ from: "/stacks" });
  const query = useQuery(stacks);
  const may = useMay();
  const columns: TableColumnsType<Stack> = [
    { title: t("common.name"), key: "name", sorter: (a, b) => a.name.localeCompare(b.name), render: (_, s) => <><StackLink name={s.name} /><div className="dim">{s.description}</div></> },
    { title: t("common.status"), key: "status", render: (_, s) => <StateTag state={s.status} good={s.status === "running"} reason={s.reason} /> },
    { title: t("common.health"), key: "health", render: (_, s) => <StateTag state={s.health} reason={s.reason} /> },
    { title: t("stacks.template"), key: "template", render: (_, s) => <TemplateLink name={s.template} version={s.version} /> },
    { title: t("stacks.target"), key: "target", render: (_, s) => `${s.target} / ${s.namespace}` },
    { title: t("common.updated"), key: "updated", sorter: (a, b) => a.updated_at.localeCompare(b.updated_at), render: (_, s) => <Ago time={s.updated_at} /> },
  ];
  const create = may.anywhere("edit") && <LinkButton look="primary" to="/stacks/new" search={{}}>{t("stacks.create")}</LinkButton>;
  return (
    <Page title={t("app.stacks")} actions={create}>
      <Loaded query={query}>
        {(all) =>
          all.length === 0 ? (
            <Nothing text={t("stacks.empty")}>{create}</Nothing>
          ) : (
            <>
              <Filters filter={filter} statuses={["running", "processing", "abnormal", "pending"]} onChange={(search) => void navigate({ search: search, replace: true })} />
              <List label={t("app.stacks")} items={filtered(all, filter, { status: (s) => s.status })} columns={columns} rowKey={(s) => s.name} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
