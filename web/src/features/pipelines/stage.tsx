import { useMemo, useState } from "react";
import { Button, Card, Checkbox, Collapse, Input, InputNumber, Radio, Select } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { organizations, repositories, stacks, tags, targets, template as templateQuery, templates, templateVersion } from "../../api/queries";
import { useText } from "../../i18n";
import { Copyable } from "../../ui/copy";
import { InputsForm, type Given } from "../../ui/inputs";
import { LinkButton } from "../../ui/link";
import { Findings } from "../../ui/problem";
import { ConditionsForm, variableNames } from "./conditions";
import { append, change, keysAt, lengthAt, move, readDuration, remove, set, textAt, valueAt, writeDuration, type Path } from "./document";
import { ChoiceField, FieldFrame, TextField, type Bound } from "./field";
import { NotificationsForm } from "./notifications";

interface StageFormProps extends Bound {
  index: number;
  count: number;
  onRename: (name: string | undefined) => void;
}

export function StageForm({ index, count, onRename, ...bound }: StageFormProps) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const path: Path = ["stages", index];
  const name = textAt(doc, [...path, "name"]);
  const type = textAt(doc, [...path, "type"]);
  const shift = (to: number) => onChange(change(text, move(["stages"], index, to)));
  const types = ["template-deploy", "review", "parallel", "job"].map((value) => ({ value, label: t(`stageTypes.${value as "review"}`) }));
  const setType = (value: string) => onChange(change(text, set([...path, "type"], value), ...(value === "review" ? [remove([...path, "deploy"]), set([...path, "review"], { mode: "one", users: [] })] : [])));
  return (
    <Card
      title={`${t("pipelines.stage")}: ${name}`}
      extra={
        <span className="row" style={{ margin: 0 }}>
          <Button size="small" disabled={index === 0} onClick={() => shift(index - 1)}>{t("pipelines.moveUp")}</Button>
          <Button size="small" disabled={index === count - 1} onClick={() => shift(index + 1)}>{t("pipelines.moveDown")}</Button>
          <Button size="small" danger disabled={count === 1} onClick={() => { onChange(change(text, remove(path))); onRename(undefined); }}>{t("pipelines.removeStage")}</Button>
        </span>
      }
    >
      <Findings findings={bound.findings.filter((f) => f.path?.startsWith(`stages[${index}]`))} />
      <TextField bound={bound} path={[...path, "name"]} label={t("pipelines.stageName")} onSet={onRename} />
      <ChoiceField bound={bound} path={[...path, "type"]} label={t("common.type")} options={types} onSet={setType} />
      {type === "template-deploy" && <DeployForm bound={bound} path={path} />}
      {type === "review" && <ReviewForm bound={bound} path={path} />}
      {type !== "template-deploy" && type !== "review" && <p className="dim">{t("pipelines.otherType", { type })}</p>}
      <TimeoutField bound={bound} path={[...path, "timeout"]} />
      <Collapse
        className="gap"
        items={[
          { key: "error", label: t("stageForm.onError"), children: <ErrorForm bound={bound} path={[...path, "on_error"]} /> },
          { key: "triggers", label: t("stageForm.triggers"), children: <><p className="dim">{t("stageForm.triggersText")}</p><ConditionsForm bound={bound} path={[...path, "triggers"]} /></> },
          { key: "notifications", label: t("stageForm.notifications"), children: <><p className="dim">{t("stageForm.notificationsText")}</p><NotificationsForm bound={bound} path={[...path, "notifications"]} /></> },
        ]}
      />
    </Card>
  );
}

function ErrorForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const action = textAt(doc, [...path, "action"]) || "return-to-start";
  const choose = (value: string) => onChange(change(text, set([...path, "action"], value), value === "stop" ? set([...path, "hold"], textAt(doc, [...path, "hold"]) || "72h") : remove([...path, "hold"])));
  return (
    <>
      <Radio.Group
        value={action}
        onChange={(e) => choose(String(e.target.value))}
        options={[{ value: "return-to-start", label: t("stageForm.returnToStart") }, { value: "stop", label: t("stageForm.stop") }, { value: "ignore", label: t("stageForm.ignore") }]}
        vertical
      />
      {action === "stop" && <TimeoutField bound={bound} path={[...path, "hold"]} label={t("stageForm.hold")} />}
    </>
  );
}

function ReviewForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const users = valueAt(doc, [...path, "review", "users"]);
  return (
    <>
      <ChoiceField bound={bound} path={[...path, "review", "mode"]} label={t("stageForm.reviewMode")} fallback="one" options={[{ value: "all", label: t("stageForm.reviewAll") }, { value: "one", label: t("stageForm.reviewOne") }]} />
      <FieldFrame label={t("pipelines.reviewUsers")} path={[...path, "review", "users"]} findings={bound.findings}>
        <Select mode="tags" aria-label={t("pipelines.reviewUsers")} value={Array.isArray(users) ? users.map(String) : []} onChange={(list: string[]) => onChange(change(text, set([...path, "review", "users"], list)))} style={{ width: "100%" }} />
      </FieldFrame>
    </>
  );
}

/** A duration in hours and minutes. */
export function TimeoutField({ bound, path, label }: { bound: Bound; path: Path; label?: string }) {
  const { t } = useText();
  const written = textAt(bound.doc, path);
  const value = readDuration(written);
  const put = (hours: number, minutes: number) => bound.onChange(change(bound.text, set(path, writeDuration(hours, minutes))));
  const name = label ?? t("pipelines.timeout");
  if (written !== "" && value === undefined) return <TextField bound={bound} path={path} label={name} />;
  const { hours, minutes } = value ?? { hours: 0, minutes: 0 };
  return (
    <div className="field" role="group" aria-label={name}>
      <span>{name}</span>
      <span className="row" style={{ margin: 0 }}>
        <InputNumber min={0} max={999} value={hours} aria-label={`${name}: ${t("pipelines.hours")}`} onChange={(v) => put(v ?? 0, minutes)} /> {t("pipelines.hours")}
        <InputNumber min={0} max={59} value={minutes} aria-label={`${name}: ${t("pipelines.minutes")}`} onChange={(v) => put(hours, v ?? 0)} /> {t("pipelines.minutes")}
      </span>
    </div>
  );
}

function DeployForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const tool = textAt(doc, [...path, "deploy", "tool"]) || "aos";
  return (
    <>
      <ImagesForm bound={bound} path={[...path, "images"]} />
      <div className="field" role="group" aria-label={t("pipelines.tool")}>
        <span>{t("pipelines.tool")}</span>
        <Radio.Group optionType="button" value={tool} onChange={(e) => onChange(change(text, set([...path, "deploy", "tool"], String(e.target.value))))} options={[{ value: "aos", label: t("stageForm.aos") }, { value: "helm", label: t("stageForm.helm") }]} />
      </div>
      {tool === "aos" ? <StackForm bound={bound} path={[...path, "deploy"]} images={imageNames(bound, [...path, "images"])} /> : <HelmForm bound={bound} path={[...path, "deploy"]} />}
    </>
  );
}

const imageNames = (bound: Bound, path: Path) => Array.from({ length: lengthAt(bound.doc, path) }, (_, i) => textAt(bound.doc, [...path, i, "name"])).filter(Boolean);

function ImagesForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  return (
    <>
      <h2 className="section">{t("pipelines.images")}</h2>
      {Array.from({ length: lengthAt(doc, path) }, (_, i) => <ImageRow key={i} bound={bound} path={[...path, i]} />)}
      <Button size="small" onClick={() => onChange(change(text, append(path, { name: "app", image: "" })))}>{t("pipelines.addImage")}</Button>
    </>
  );
}

/** organization/repository:tag in its three parts. */
export function splitImage(image: string): { org: string; repo: string; tag: string } {
  const slash = image.indexOf("/");
  const colon = image.indexOf(":", Math.max(0, slash));
  const end = colon < 0 ? image.length : colon;
  return { org: slash < 0 ? image.slice(0, end) : image.slice(0, slash), repo: slash < 0 ? "" : image.slice(slash + 1, end), tag: colon < 0 ? "" : image.slice(colon + 1) };
}

export const joinImage = ({ org, repo, tag }: { org: string; repo: string; tag: string }): string => (org + repo + tag === "" ? "" : `${org}/${repo}:${tag}`);

function ImageRow({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const parts = splitImage(textAt(doc, [...path, "image"]));
  const orgs = useQuery(organizations);
  const repos = useQuery({ ...repositories(parts.org), enabled: (orgs.data ?? []).some((o) => o.name === parts.org) });
  const tagList = useQuery({ ...tags(`${parts.org}/${parts.repo}`), enabled: (repos.data ?? []).some((r) => r.name === parts.repo) });
  const put = (next: Partial<typeof parts>) => onChange(change(text, set([...path, "image"], joinImage({ ...parts, ...next }))));
  const variables = variableNames(doc).map((v) => `\${${v}}`);
  const pick = (label: string, value: string, names: readonly string[], key: keyof typeof parts) => (
    <TextChoice label={label} value={value} names={names} onChange={(v) => put({ [key]: v })} />
  );
  return (
    <Card size="small" className="gap">
      <div className="row">
        <Input className="wide" value={textAt(doc, [...path, "name"])} aria-label={t("common.name")} placeholder={t("common.name")} onChange={(e) => onChange(change(text, set([...path, "name"], e.target.value)))} />
        <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("pipelines.image")}`} onClick={() => onChange(change(text, remove(path)))} />
      </div>
      <div className="row">
        {pick(t("images.org"), parts.org, (orgs.data ?? []).map((o) => o.name), "org")} /
        {pick(t("images.repositories"), parts.repo, (repos.data ?? []).map((r) => r.name), "repo")} :
        {pick(t("images.tags"), parts.tag, [...variables, ...(tagList.data ?? []).map((x) => x.name)], "tag")}
      </div>
      {parts.org && parts.repo && parts.tag && <span className="dim">{t("pipelines.pullAddress")}: <Copyable text={`${location.host}/${parts.org}/${parts.repo}:${parts.tag}`} /></span>}
    </Card>
  );
}

function TextChoice({ label, value, names, onChange }: { label: string; value: string; names: readonly string[]; onChange: (v: string) => void }) {
  const [typed, type] = useState("");
  const options = [...new Set([...(typed ? [typed] : []), ...names, ...(value ? [value] : [])])].map((v) => ({ value: v, label: v }));
  return (
    <Select className="wide" showSearch={{ onSearch: type }} value={value || undefined} placeholder={label} aria-label={label} options={options} onChange={(v: string) => { type(""); onChange(v); }} />
  );
}

function HelmForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const targetList = useQuery(targets);
  return (
    <>
      <TextField bound={bound} path={[...path, "target"]} label={t("pipelines.target")} options={(targetList.data ?? []).map((x) => x.name)} />
      <TextField bound={bound} path={[...path, "namespace"]} label={t("pipelines.namespace")} />
      <TextField bound={bound} path={[...path, "release"]} label={t("stageForm.release")} />
      <TextField bound={bound} path={[...path, "chart", "name"]} label={t("stageForm.chart")} placeholder="oci://registry/charts/web" />
      <TextField bound={bound} path={[...path, "chart", "version"]} label={t("common.version")} />
      <TextField bound={bound} path={[...path, "chart", "url"]} label={t("stageForm.chartURL")} />
      <p className="dim">{t("stageForm.values")}</p>
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
  return (
    <>
      <TextField bound={bound} path={[...path, "stack"]} label={t("pipelines.stack")} options={(stackList.data ?? []).filter((s) => s.status === "running").map((s) => s.name)} hint={existing && t("pipelines.existing", { name })} />
      <Checkbox checked={create} onChange={(e) => onChange(change(text, set([...path, "create"], e.target.checked ? true : undefined)))}>{t("pipelines.createStack")}</Checkbox>
      {create && (
        <>
          <TextField bound={bound} path={[...path, "target"]} label={t("pipelines.target")} options={(targetList.data ?? []).map((x) => x.name)} />
          <TextField bound={bound} path={[...path, "namespace"]} label={t("pipelines.namespace")} placeholder="default" />
        </>
      )}
      <TextField bound={bound} path={[...path, "template"]} label={t("pipelines.template")} options={(templateList.data ?? []).map((x) => x.name)} placeholder={existing?.template} />
      <TextField bound={bound} path={[...path, "version"]} label={t("common.version")} options={chosen.data?.versions ?? []} placeholder={existing?.version} />
      <LinkButton look="link" size="small" to="/templates/new" search={{}} target="_blank">{t("templates.create")}</LinkButton>
      <Parameters bound={bound} path={[...path, "parameters"]} template={template} version={version} images={images} />
    </>
  );
}

function Parameters({ bound, path, template, version, images }: { bound: Bound; path: Path; template?: string; version?: string; images: readonly string[] }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const details = useQuery({ ...templateVersion(template ?? "", version ?? ""), enabled: Boolean(template && version) });
  const written = keysAt(doc, path);
  const given = useMemo<Given>(() => Object.fromEntries(keysAt(doc, path).map((k) => [k, textAt(doc, [...path, k])])), [doc, path]);
  const known = details.data?.inputs ?? [];
  const inputs = [...known, ...written.filter((k) => !known.some((i) => i.name === k)).map((name) => ({ name, type: "string", required: false }))];
  const put = (next: Given) => {
    const names = new Set([...Object.keys(given), ...Object.keys(next)]);
    const changes = [...names].filter((n) => given[n] !== next[n]).map((n) => (next[n] === undefined ? remove([...path, n]) : set([...path, n], next[n])));
    onChange(change(text, ...changes));
  };
  const hints = [...images.map((i) => `\${image.${i}}`), ...variableNames(doc).map((v) => `\${${v}}`)];
  return (
    <>
      <h2 className="section">{t("pipelines.parameters")}</h2>
      <p className="dim">{hints.map((h) => <code key={h}>{h} </code>)}</p>
      <InputsForm inputs={inputs} given={given} onChange={put} plain lenient placeholder={() => t("pipelines.valueOfTemplate")} />
    </>
  );
}
