import { Button, Input } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { stacks, targets } from "../../api/queries";
import { useText } from "../../i18n";
import { variableNames } from "./conditions";
import { append, change, lengthAt, remove, textAt, type Path } from "./document";
import { Problems, TextField, type Bound } from "./field";
import { imageNames, ImagesForm } from "./images";
import { PairsForm } from "./pairs";
import { TimeoutField } from "./timeout";

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
      <PairsForm bound={bound} path={[...job, "env"]} label={t("job.env")} variables={names} secrets={[...job, "secret_env"]} open={openValue} hint={t("job.envHint")} />
      <h2 className="section">{t("job.place")}</h2>
      {field("stack", { options: (stackList.data ?? []).map((s) => s.name), hint: t("job.stackHint") })}
      <div className="pair">
        {field("target", { options: (targetList.data ?? []).map((x) => x.name) })}
        {field("namespace")}
      </div>
      <div className="pair">
        {field("cpu", { placeholder: "500m" })}
        {field("memory", { placeholder: "256Mi" })}
      </div>
      {field("service_account")}
      <TimeoutField bound={bound} path={[...path, "timeout"]} />
    </>
  );
}

/** The server takes no value for a secret because of its name when it is a boolean or all of it comes from variables. */
const openValue = (value: unknown) => typeof value === "boolean" || (typeof value === "string" && value.replace(/\$\{[^}]*\}/g, "") === "");

/** A list of texts, each in a field of its own. */
export function TextsForm({ bound, path, label, hint }: { bound: Bound; path: Path; label: string; hint?: string }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  return (
    <div className="field" role="group" aria-label={label}>
      <span>{label}</span>
      <div>
        {Array.from({ length: lengthAt(doc, path) }, (_, i) => (
          <div className="row" key={i}>
            <Input className="wide" value={textAt(doc, [...path, i])} aria-label={`${label} ${i + 1}`} onChange={(e) => onChange(change(text, (d) => d.setIn([...path, i], e.target.value)))} />
            <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${label} ${i + 1}`} onClick={() => onChange(change(text, remove(lengthAt(doc, path) === 1 ? path : [...path, i])))} />
          </div>
        ))}
        <Button size="small" type="dashed" aria-label={`${t("common.add")} ${label}`} onClick={() => onChange(change(text, append(path, "")))}>{t("common.add")}</Button>
      </div>
      {hint && <span className="dim">{hint}</span>}
      <Problems path={path} findings={bound.findings} within />
    </div>
  );
}
