import { useMemo, useState } from "react";
import { Button, Tag } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { api, need } from "../../api/client";
import { me, pipelineTemplate } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { pipelinePicture } from "../../picture/model";
import { PictureView } from "../../picture/view";
import { Confirm } from "../../ui/confirm";
import { Editor } from "../../ui/editor";
import { Loaded, Page } from "../../ui/page";
import { useNarrow } from "../../ui/screen";
import { readText, valueAt } from "../pipelines/document";
import { FillForm } from "./fill";
import { localText, pipelineOf, type PipelineTemplate } from "./text";

export function PipelineTemplatePage() {
  const { t, language } = useText();
  const may = useMay();
  const user = useQuery(me).data;
  const { name } = useParams({ from: "/shell/pipeline-templates/$name" });
  const query = useQuery(pipelineTemplate(name));
  const client = useQueryClient();
  const navigate = useNavigate();
  const [deleting, remove] = useState(false);
  const template = query.data;
  const destroy = async () => {
    await need(api.DELETE("/api/v1/pipeline-templates/{name}", { params: { path: { name } } }));
    void client.invalidateQueries({ queryKey: ["pipeline-templates"] });
    await navigate({ to: "/pipeline-templates", search: { kind: "own" } });
  };
  const own = template?.kind === "own" && (may.anywhere("manage") || template.by === user?.name);
  return (
    <Page
      title={template ? localText(template.title, language) : name}
      trail={<Link to="/pipeline-templates" search={{}}>{t("places.gallery")}</Link>}
      note={template && <Tag>{t(`gallery.${template.category}`)}</Tag>}
      actions={own && <Button danger onClick={() => remove(true)}>{t("common.delete")}</Button>}
    >
      <Loaded query={query}>{(x) => <Content template={x} />}</Loaded>
      <Confirm open={deleting} title={t("common.delete")} text={t("gallery.deleteText", { name })} word={name} button={t("common.delete")} onClose={() => remove(false)} onConfirm={destroy} />
    </Page>
  );
}

function Content({ template }: { template: PipelineTemplate }) {
  const { t, language, stageType } = useText();
  const may = useMay();
  const file = pipelineOf(template.source ?? "");
  const narrow = useNarrow();
  const picture = useMemo(() => pipelinePicture(stagesOf(file), (s) => stageType(s.type), narrow ? "down" : "right"), [file, stageType, narrow]);
  return (
    <>
      <p>{localText(template.description, language)}</p>
      <PictureView picture={picture} name={template.name} />
      <div className="split">
        {may.anywhere("edit") && <FillForm template={template} />}
        <section>
          <h2 className="section">{t("gallery.file")}</h2>
          <Editor label={t("gallery.file")} value={file} height="520px" />
        </section>
      </div>
    </>
  );
}

/** The stages of a pipeline file with placeholders, as far as it can be read. */
export function stagesOf(file: string): { name: string; type: string; needs?: string[] }[] {
  const { doc } = readText(file);
  const list: unknown = doc ? valueAt(doc, ["stages"]) : undefined;
  if (!Array.isArray(list)) return [];
  return list.map((one: unknown, i) => {
    const stage = (typeof one === "object" && one !== null ? one : {}) as Record<string, unknown>;
    const text = (value: unknown, otherwise: string) => (typeof value === "string" ? value : otherwise);
    return { name: text(stage.name, `#${i + 1}`), type: text(stage.type, ""), needs: Array.isArray(stage.needs) ? stage.needs.map(String) : undefined };
  });
}
