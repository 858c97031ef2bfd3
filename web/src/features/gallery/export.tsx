import { useState } from "react";
import { App, Checkbox, Input, Select } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { useText } from "../../i18n";
import { Dialog, Labelled, RuledInput } from "../../ui/dialog";
import { rules } from "../../ui/rules";
import { categories, type Category } from "./text";

/** Makes a template of a pipeline; the values of chosen variables become what is asked when it is used. */
export function ExportDialog({ pipeline, onClose }: { pipeline: Noun<"Pipeline">; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const [template, setTemplate] = useState(pipeline.name);
  const [title, setTitle] = useState("");
  const [category, setCategory] = useState<Category>("other");
  const [chosen, choose] = useState<string[]>([]);
  const variables = pipeline.spec.variables ?? [];
  const submit = async () => {
    const text = (en: string) => ({ en, zh: en });
    await need(api.POST("/api/v1/pipelines/{name}/export", {
      params: { path: { name: pipeline.name } },
      body: {
        template, category, ...(title && { title: text(title) }),
        placeholders: variables.filter((v) => chosen.includes(v.name)).map((v) => ({ name: v.name, variable: v.name, ...(v.description && { description: text(v.description) }) })),
      },
    }));
    await client.invalidateQueries({ queryKey: ["pipeline-templates"] });
    void message.success(t("gallery.exported", { name: template }));
    await navigate({ to: "/pipeline-templates/$name", params: { name: template } });
  };
  return (
    <Dialog open title={t("gallery.export")} button={t("gallery.export")} disabled={template === "" || rules.pipelineTemplate(template) !== undefined} onClose={onClose} onSubmit={submit}>
      <p className="dim">{t("gallery.exportText")}</p>
      <RuledInput label={t("gallery.templateName")} value={template} rule={rules.pipelineTemplate} autoFocus onChange={setTemplate} />
      <Labelled label={t("gallery.title")}><Input value={title} placeholder={pipeline.name} onChange={(e) => setTitle(e.target.value)} /></Labelled>
      <Labelled label={t("gallery.category")}><Select<Category> aria-label={t("gallery.category")} value={category} options={categories.map((value) => ({ value, label: t(`gallery.${value}`) }))} onChange={setCategory} /></Labelled>
      {variables.length > 0 && (
        <div className="field" role="group" aria-label={t("gallery.ask")}>
          <span>{t("gallery.ask")}</span>
          <Checkbox.Group value={chosen} onChange={choose} options={variables.map((v) => ({ value: v.name, label: <><code>{v.name}</code> <span className="dim">{v.description}</span></> }))} />
        </div>
      )}
    </Dialog>
  );
}
