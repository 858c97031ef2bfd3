import { Card, Input, Segmented, Select, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { pipelineTemplates } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { LinkButton } from "../../ui/link";
import { Loaded, Nothing, Page } from "../../ui/page";
import { Ago } from "../../ui/state";
import { categories, localText, type Category, type PipelineTemplate } from "./text";

export interface GalleryFilter {
  search?: string;
  kind?: "sample" | "own";
  category?: string;
}

/** What of the gallery fits: its name, title or description has the text. */
export function fitting(all: readonly PipelineTemplate[], filter: GalleryFilter): PipelineTemplate[] {
  const search = filter.search?.toLowerCase() ?? "";
  return all.filter(
    (x) =>
      (!filter.kind || x.kind === filter.kind) &&
      (!filter.category || x.category === filter.category) &&
      [x.name, x.title.en, x.title.zh ?? "", x.description.en, x.description.zh ?? ""].some((s) => s.toLowerCase().includes(search)),
  );
}

export function GalleryPage() {
  const { t } = useText();
  const filter = useSearch({ from: "/shell/pipeline-templates" });
  const navigate = useNavigate({ from: "/pipeline-templates" });
  const query = useQuery(pipelineTemplates);
  const set = (change: GalleryFilter) => void navigate({ search: { ...filter, ...change }, replace: true });
  return (
    <Page title={t("places.gallery")} trail={<Link to="/pipelines" search={{}}>{t("app.pipelines")}</Link>}>
      <p className="dim">{t("gallery.text")}</p>
      <div className="filters" role="search">
        <Segmented<"all" | "sample" | "own"> value={filter.kind ?? "all"} onChange={(kind) => set({ kind: kind === "all" ? undefined : kind })}
          options={[{ value: "all", label: t("common.all") }, { value: "sample", label: t("gallery.samples") }, { value: "own", label: t("gallery.own") }]} />
        <Input.Search allowClear defaultValue={filter.search} placeholder={t("gallery.search")} aria-label={t("gallery.search")} onChange={(e) => set({ search: e.target.value || undefined })} />
        <Select allowClear value={filter.category} placeholder={t("gallery.category")} aria-label={t("gallery.category")} style={{ minWidth: 180 }}
          options={categories.map((value) => ({ value, label: t(`gallery.${value}`) }))} onChange={(category?: string) => set({ category })} />
      </div>
      <Loaded query={query}>
        {(all) => {
          const shown = fitting(all, filter);
          if (shown.length === 0) return <Nothing text={filter.kind === "own" ? t("gallery.noOwn") : t("gallery.none")} />;
          return <>{categories.map((c) => <Section key={c} category={c} items={shown.filter((x) => x.category === c)} />)}</>;
        }}
      </Loaded>
    </Page>
  );
}

function Section({ category, items }: { category: Category; items: readonly PipelineTemplate[] }) {
  const { t } = useText();
  if (items.length === 0) return null;
  return (
    <section className="section">
      <h2>{t(`gallery.${category}`)}</h2>
      <div className="cards">{items.map((x) => <Entry key={x.name} template={x} />)}</div>
    </section>
  );
}

function Entry({ template }: { template: PipelineTemplate }) {
  const { t, language } = useText();
  const may = useMay();
  const title = localText(template.title, language);
  return (
    <Card size="small" title={<Link to="/pipeline-templates/$name" params={{ name: template.name }}>{title}</Link>} extra={template.kind === "own" ? <Tag color="processing">{t("gallery.ownTag")}</Tag> : undefined}>
      <p>{localText(template.description, language)}</p>
      {template.kind === "own" && <p className="dim">{template.name} · {template.by} · <Ago time={template.created_at} /></p>}
      <LinkButton size="small" to="/pipeline-templates/$name" params={{ name: template.name }} aria-label={`${may.anywhere("edit") ? t("gallery.use") : t("gallery.look")}${t("roles.colon")}${title}`}>
        {may.anywhere("edit") ? t("gallery.use") : t("gallery.look")}
      </LinkButton>
    </Card>
  );
}
