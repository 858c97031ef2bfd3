import { Button, Card, Dropdown, Input, Radio } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import type { Document } from "yaml";
import { useText } from "../../i18n";
import { append, change, keysAt, lengthAt, remove, set, textAt, type Path } from "./document";
import { pathText, TextField, type Bound } from "./field";
import { useWebhooks } from "./webhooks";
import { Copyable } from "../../ui/copy";

const kinds = ["webhook", "channel", "image", "schedule"] as const;
type Kind = (typeof kinds)[number];

const blank: Record<Kind, object> = {
  webhook: { webhook: {} },
  channel: { channel: { name: "" } },
  image: { image: { repository: "", tag: "*" }, params: [{ name: "tag", variable: "tag" }] },
  schedule: { schedule: { cron: "0 3 * * *", timezone: "Asia/Shanghai" } },
};

export const kindAt = (doc: Document, path: Path): Kind => kinds.find((k) => keysAt(doc, path).includes(k)) ?? "webhook";

export const variableNames = (doc: Document): string[] =>
  [...Array.from({ length: lengthAt(doc, ["variables"]) }, (_, i) => textAt(doc, ["variables", i, "name"])).filter(Boolean), "SYS_TIMESTAMP", "SYS_INCREMENT"];

/** Trigger conditions: of a pipeline's start, or of a stage. */
export function ConditionsForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const list = [...path, "conditions"];
  const count = lengthAt(doc, list);
  const mode = textAt(doc, [...path, "mode"]) || (path[0] === "start" ? "any" : "all");
  const add = (kind: Kind) => onChange(change(text, append(list, blank[kind]), ...(textAt(doc, [...path, "mode"]) === "" ? [set([...path, "mode"], mode)] : [])));
  const drop = (i: number) => onChange(change(text, count === 1 ? remove(path) : remove([...list, i])));
  return (
    <>
      {count > 1 && (
        <Radio.Group value={mode} className="row" onChange={(e) => onChange(change(text, set([...path, "mode"], e.target.value)))}
          options={[{ value: "all", label: t("pipelines.modeAll") }, { value: "any", label: t("pipelines.modeAny") }]} />
      )}
      {Array.from({ length: count }, (_, i) => <Condition key={i} bound={bound} path={[...list, i]} onRemove={() => drop(i)} />)}
      <Dropdown trigger={["click"]} menu={{ items: kinds.map((key) => ({ key, label: t(`conditions.${key}`) })), onClick: ({ key }) => add(key as Kind) }}>
        <Button size="small">{t("conditions.add")}</Button>
      </Dropdown>
    </>
  );
}

function Condition({ bound, path, onRemove }: { bound: Bound; path: Path; onRemove: () => void }) {
  const { t } = useText();
  const kind = kindAt(bound.doc, path);
  return (
    <Card size="small" className="gap" title={t(`conditions.${kind}`)} extra={<Button size="small" icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t(`conditions.${kind}`)}`} onClick={onRemove} />}>
      {kind === "webhook" && <WebhookAddress bound={bound} path={path} />}
      {kind === "channel" && <TextField bound={bound} path={[...path, "channel", "name"]} label={t("conditions.channel")} />}
      {kind === "image" && (
        <>
          <TextField bound={bound} path={[...path, "image", "repository"]} label={t("conditions.repository")} placeholder="team/shop" />
          <TextField bound={bound} path={[...path, "image", "tag"]} label={t("conditions.tag")} placeholder="v*" />
        </>
      )}
      {kind === "schedule" && (
        <>
          <TextField bound={bound} path={[...path, "schedule", "cron"]} label={t("conditions.cron")} placeholder="0 3 * * *" />
          <TextField bound={bound} path={[...path, "schedule", "timezone"]} label={t("conditions.timezone")} placeholder="Asia/Shanghai" />
        </>
      )}
      <ParamsForm bound={bound} path={[...path, "params"]} incoming />
    </Card>
  );
}

function WebhookAddress({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const url = useWebhooks(textAt(bound.doc, ["name"])).get(pathText(path));
  return url === undefined ? <p className="dim">{t("pipelines.url")}</p> : <Copyable text={url} />;
}

/** Parameters of a message on one side, variables of the pipeline on the other. */
export function ParamsForm({ bound, path, incoming }: { bound: Bound; path: Path; incoming: boolean }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  return (
    <>
      {Array.from({ length: lengthAt(doc, path) }, (_, i) => (
        <div className="row" key={i}>
          <Input className="wide" value={textAt(doc, [...path, i, "name"])} placeholder={t("pipelines.param")} aria-label={`${t("pipelines.param")} ${i + 1}`} onChange={(e) => onChange(change(text, set([...path, i, "name"], e.target.value)))} />
          <span aria-hidden>{incoming ? "→" : "←"}</span>
          <Input className="wide" value={textAt(doc, [...path, i, "variable"])} placeholder={t("pipelines.variable")} aria-label={`${t("pipelines.variable")} ${i + 1}`} list="pipeline-variables" onChange={(e) => onChange(change(text, set([...path, i, "variable"], e.target.value)))} />
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("pipelines.param")} ${i + 1}`} onClick={() => onChange(change(text, remove([...path, i])))} />
        </div>
      ))}
      <datalist id="pipeline-variables">{variableNames(doc).map((v) => <option key={v} value={v} />)}</datalist>
      <Button size="small" type="dashed" onClick={() => onChange(change(text, append(path, { name: "", variable: variableNames(doc)[0] ?? "" })))}>{t("pipelines.addParam")}</Button>
    </>
  );
}
