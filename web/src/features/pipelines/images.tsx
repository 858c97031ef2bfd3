import { Button, Card, Input, Select } from "antd";
import { useState } from "react";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { organizations, repositories, tags } from "../../api/queries";
import { useText } from "../../i18n";
import { Copyable } from "../../ui/copy";
import { variableNames } from "./conditions";
import { append, change, lengthAt, remove, textAt, type Path } from "./document";
import { Problems, type Bound } from "./field";

export const imageNames = (bound: Bound, path: Path) => Array.from({ length: lengthAt(bound.doc, path) }, (_, i) => textAt(bound.doc, [...path, i, "name"])).filter(Boolean);

/** The input images of a stage. */
export function ImagesForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const names = imageNames(bound, path);
  const free = names.includes("app") ? `image-${names.length + 1}` : "app";
  return (
    <>
      <h2 className="section">{t("pipelines.images")}</h2>
      {Array.from({ length: lengthAt(doc, path) }, (_, i) => <ImageRow key={i} bound={bound} list={path} index={i} />)}
      <Button size="small" onClick={() => onChange(change(text, append(path, { name: free, image: "" })))}>{t("pipelines.addImage")}</Button>
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

function ImageRow({ bound, list, index }: { bound: Bound; list: Path; index: number }) {
  const { t } = useText();
  const { doc, text, onChange, findings } = bound;
  const path = [...list, index];
  const parts = splitImage(textAt(doc, [...path, "image"]));
  const orgs = useQuery(organizations);
  const repos = useQuery({ ...repositories(parts.org), enabled: (orgs.data ?? []).some((o) => o.name === parts.org) });
  const tagList = useQuery({ ...tags(`${parts.org}/${parts.repo}`), enabled: (repos.data ?? []).some((r) => r.name === parts.repo) });
  // A key that holds nothing yet stays: the entry of the list is there all the same.
  const write = (key: string, value: string) => onChange(change(text, (d) => d.setIn([...path, key], value)));
  const put = (next: Partial<typeof parts>) => write("image", joinImage({ ...parts, ...next }));
  const drop = () => onChange(change(text, lengthAt(doc, list) === 1 ? remove(list) : remove(path)));
  const variables = variableNames(doc).map((v) => `\${${v}}`);
  return (
    <Card size="small" className="gap">
      <div className="row">
        <Input className="wide" value={textAt(doc, [...path, "name"])} aria-label={`${t("stageForm.imageName")} ${index + 1}`} placeholder={t("stageForm.imageName")} onChange={(e) => write("name", e.target.value)} />
        <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("pipelines.image")} ${index + 1}`} onClick={drop} />
      </div>
      <div className="row image-parts">
        <TextChoice label={t("images.org")} value={parts.org} names={(orgs.data ?? []).map((o) => o.name)} onChange={(org) => put({ org, ...(org === parts.org ? {} : { repo: "", tag: "" }) })} /> /
        <TextChoice label={t("images.repositories")} value={parts.repo} names={(repos.data ?? []).map((r) => r.name)} onChange={(repo) => put({ repo })} /> :
        <TextChoice label={t("images.tags")} value={parts.tag} names={[...variables, ...(tagList.data ?? []).map((x) => x.name)]} onChange={(tag) => put({ tag })} />
      </div>
      <Problems path={path} findings={findings} within />
      {parts.org && parts.repo && parts.tag && <span className="dim">{t("pipelines.pullAddress")}: <Copyable text={`${location.host}/${parts.org}/${parts.repo}:${parts.tag}`} /></span>}
    </Card>
  );
}

/** A choice among names, in which other texts, such as ones with variables, can be typed as well. */
function TextChoice({ label, value, names, onChange }: { label: string; value: string; names: readonly string[]; onChange: (v: string) => void }) {
  const [typed, type] = useState("");
  const options = [...new Set([...(typed ? [typed] : []), ...names, ...(value ? [value] : [])])].map((v) => ({ value: v, label: v }));
  return (
    <Select className="wide" showSearch={{ onSearch: type }} value={value || undefined} placeholder={label} aria-label={label} options={options}
      onChange={(v: string) => { type(""); onChange(v); }} onBlur={() => { if (typed !== "" && typed !== value) onChange(typed); type(""); }} />
  );
}
