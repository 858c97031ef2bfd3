import { Button, Input } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { stacks, targets } from "../../api/queries";
import { useText } from "../../i18n";
import { variableNames } from "./conditions";
import { append, change, keysAt, lengthAt, remove, set, textAt, type Path } from "./document";
import { FieldFrame, TextField, type Bound } from "./field";
import { imageNames, ImagesForm } from "./images";
import { TimeoutField } from "./timeout";

/** What a job stage begins with. */
export const newJob = { images: [{ name: "app", image: "" }], job: { image: "${image.app}", command: [] as string[] }, timeout: "1h" };

/** A container that runs to its end: its image, what it does, where it runs and what it may use. */
export function JobForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const job = [...path, "job"];
  const stackList = useQuery(stacks);
  const targetList = useQuery(targets);
  const names = [...imageNames(bound, [...path, "images"]).map((n) => `image.${n}`), ...variableNames(bound.doc)];
  const field = (key: string, more: Partial<Parameters<typeof TextField>[0]> = {}) => <TextField bound={bound} path={[...job, key]} label={t(`job.${key as "image"}`)} {...more} />;
  return (
    <>
      <ImagesForm bound={bound} path={[...path, "images"]} />
      <h2 className="section">{t("job.container")}</h2>
      {field("image", { complete: names, hint: t("job.imageHint") })}
      <TextsForm bound={bound} path={[...job, "command"]} label={t("job.command")} hint={t("job.commandHint")} />
      <TextsForm bound={bound} path={[...job, "args"]} label={t("job.args")} />
      <EnvForm bound={bound} path={[...job, "env"]} />
      <h2 className="section">{t("job.place")}</h2>
      {field("stack", { options: (stackList.data ?? []).map((s) => s.name), hint: t("job.stackHint") })}
      {field("target", { options: (targetList.data ?? []).map((x) => x.name) })}
      {field("namespace")}
      {field("cpu", { placeholder: "500m" })}
      {field("memory", { placeholder: "256Mi" })}
      {field("service_account")}
      <TimeoutField bound={bound} path={[...path, "timeout"]} />
    </>
  );
}

/** A list of texts, each in a field of its own. */
export function TextsForm({ bound, path, label, hint }: { bound: Bound; path: Path; label: string; hint?: string }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  return (
    <FieldFrame label={label} path={path} findings={bound.findings} hint={hint} within>
      <span role="group" aria-label={label}>
        {Array.from({ length: lengthAt(doc, path) }, (_, i) => (
          <span className="row" key={i}>
            <Input className="wide" value={textAt(doc, [...path, i])} aria-label={`${label} ${i + 1}`} onChange={(e) => onChange(change(text, (d) => d.setIn([...path, i], e.target.value)))} />
            <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${label} ${i + 1}`} onClick={() => onChange(change(text, remove([...path, i])))} />
          </span>
        ))}
        <Button size="small" type="dashed" aria-label={`${t("common.add")} ${label}`} onClick={() => onChange(change(text, append(path, "")))}>{t("common.add")}</Button>
      </span>
    </FieldFrame>
  );
}

/** Environment variables: names with values. */
function EnvForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const names = keysAt(doc, path);
  const free = () => {
    for (let n = names.length + 1; ; n++) if (!names.includes(`NAME_${n}`)) return `NAME_${n}`;
  };
  const rename = (from: string, to: string) => onChange(change(text, (d) => d.setIn([...path, to], textAt(doc, [...path, from])), remove([...path, from])));
  return (
    <FieldFrame label={t("job.env")} path={path} findings={bound.findings} within>
      <span role="group" aria-label={t("job.env")}>
        {names.map((name, i) => (
          <span className="row" key={i}>
            <Input className="wide" key={name} defaultValue={name} aria-label={`${t("common.name")} ${i + 1}`} onBlur={(e) => e.target.value !== "" && !names.includes(e.target.value) && rename(name, e.target.value)} />
            <Input className="wide" value={textAt(doc, [...path, name])} aria-label={`${t("common.value")} ${i + 1}`} onChange={(e) => onChange(change(text, (d) => d.setIn([...path, name], e.target.value)))} />
            <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${name}`} onClick={() => onChange(change(text, remove([...path, name])))} />
          </span>
        ))}
        <Button size="small" type="dashed" aria-label={`${t("common.add")} ${t("job.env")}`} onClick={() => onChange(change(text, set([...path, free()], "value")))}>{t("common.add")}</Button>
      </span>
    </FieldFrame>
  );
}
