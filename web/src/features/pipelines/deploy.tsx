import { Alert, Checkbox, Radio } from "antd";
import { useQuery } from "@tanstack/react-query";
import { stacks, targets, template as templateQuery, templates } from "../../api/queries";
import { useText } from "../../i18n";
import { LinkButton } from "../../ui/link";
import { variableNames } from "./conditions";
import { change, remove, set, textAt, valueAt, type Path } from "./document";
import { Problems, TextField, type Bound } from "./field";
import { HelmForm } from "./helm";
import { imageNames, ImagesForm } from "./images";
import { Parameters } from "./parameters";
import { StackPicker } from "./stackpicker";

const toolKeys = { aos: ["parameters", "template", "version"], helm: ["release", "chart", "package", "values", "values_file", "wait", "create_namespace"] } as const;

/** The configuration of a template deployment: input images, the tool, and what the tool deploys. */
export function DeployForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const at = [...path, "deploy"];
  const tool = textAt(doc, [...at, "tool"]) === "helm" ? "helm" : "aos";
  const choose = (value: "aos" | "helm") => onChange(change(text, ...toolKeys[tool].map((k) => remove([...at, k])), set([...at, "tool"], value), ...(value === "helm" ? [remove([...at, "stack"]), set([...at, "release"], textAt(doc, [...at, "stack"]))] : [set([...at, "stack"], textAt(doc, [...at, "stack"]) || textAt(doc, [...at, "release"]))])));
  return (
    <>
      <ImagesForm bound={bound} path={[...path, "images"]} />
      <div className="field" role="group" aria-label={t("pipelines.tool")}>
        <span>{t("pipelines.tool")}</span>
        <Radio.Group className="tools" value={tool} onChange={(e) => choose(e.target.value as "aos" | "helm")}>
          {(["aos", "helm"] as const).map((value) => (
            <Radio key={value} value={value} className={value === tool ? "tool chosen" : "tool"}><strong>{t(`stageForm.${value}`)}</strong><span className="dim">{t(`stageForm.${value}Text`)}</span></Radio>
          ))}
        </Radio.Group>
      </div>
      {tool === "aos" ? <StackForm bound={bound} path={at} images={imageNames(bound, [...path, "images"])} /> : <HelmForm bound={bound} path={at} images={imageNames(bound, [...path, "images"])} />}
      <Problems path={at} findings={bound.findings} />
    </>
  );
}

function StackForm({ bound, path, images }: { bound: Bound; path: Path; images: readonly string[] }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const stackList = useQuery(stacks);
  const targetList = useQuery(targets);
  const templateList = useQuery(templates);
  const name = textAt(doc, [...path, "stack"]);
  const existing = stackList.data?.find((s) => s.name === name);
  const template = textAt(doc, [...path, "template"]) || existing?.template;
  const chosen = useQuery({ ...templateQuery(template ?? ""), enabled: Boolean(template) && (templateList.data ?? []).some((x) => x.name === template) });
  const version = textAt(doc, [...path, "version"]) || existing?.version || chosen.data?.versions?.[0];
  const create = valueAt(doc, [...path, "create"]) === true;
  const variables = variableNames(doc);
  const makeNew = (fresh: string) => {
    const first = templateList.data?.[0];
    onChange(change(text, set([...path, "stack"], fresh), set([...path, "create"], true),
      ...(textAt(doc, [...path, "template"]) === "" && first ? [set([...path, "template"], first.name), set([...path, "version"], first.versions?.[0])] : [])));
  };
  const flag = (on: boolean) => onChange(change(text, set([...path, "create"], on ? true : undefined), ...(on ? [] : [remove([...path, "target"]), remove([...path, "namespace"])])));
  return (
    <>
      <StackPicker bound={bound} path={[...path, "stack"]} list={stackList.data ?? []} onNew={makeNew} />
      {existing && existing.status === "abnormal" && <Alert type="warning" className="gap" title={t("stageForm.stackAbnormal", { name })} />}
      <Checkbox checked={create} onChange={(e) => flag(e.target.checked)}>{t("pipelines.createStack")}</Checkbox>
      {create && (
        <div className="pair">
          <TextField bound={bound} path={[...path, "target"]} label={t("pipelines.target")} options={(targetList.data ?? []).map((x) => x.name)} placeholder="local" />
          <TextField bound={bound} path={[...path, "namespace"]} label={t("pipelines.namespace")} placeholder="default" />
        </div>
      )}
      <div className="pair">
        <TextField bound={bound} path={[...path, "template"]} label={t("pipelines.template")} options={(templateList.data ?? []).map((x) => x.name)} placeholder={existing?.template}
        hint={textAt(doc, [...path, "template"]) === "" && existing ? t("stageForm.asStack", { template: `${existing.template}@${existing.version}` }) : undefined} />
        <TextField bound={bound} path={[...path, "version"]} label={t("common.version")} options={[...(chosen.data?.versions ?? []), ...variables.map((v) => `\${${v}}`)]} placeholder={existing?.version} />
      </div>
      <LinkButton look="link" size="small" to="/templates/new" search={{}} target="_blank">{t("templates.create")}</LinkButton>
      <Parameters bound={bound} path={[...path, "parameters"]} template={template} version={version} images={images} present={existing?.template === template ? existing?.inputs : undefined} />
    </>
  );
}
