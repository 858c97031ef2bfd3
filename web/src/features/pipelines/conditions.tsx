import { AutoComplete, Button, Card, Checkbox, Dropdown, Input, Radio } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import type { Document } from "yaml";
import { channels } from "../../api/queries";
import { useText } from "../../i18n";
import { append, change, keysAt, lengthAt, remove, set, textAt, valueAt, type Path } from "./document";
import { ChoiceField, pathText, Problems, TextField, type Bound } from "./field";
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
      {kind === "channel" && <ChannelField bound={bound} path={[...path, "channel", "name"]} />}
      {kind === "image" && (
        <>
          <TextField bound={bound} path={[...path, "image", "repository"]} label={t("conditions.repository")} placeholder="team/shop" />
          <TextField bound={bound} path={[...path, "image", "tag"]} label={t("conditions.tag")} placeholder="v*" />
          <TextField bound={bound} path={[...path, "image", "semver"]} label={t("conditions.semver")} placeholder=">=1.2 <2" />
          <TextField bound={bound} path={[...path, "image", "regexp"]} label={t("conditions.regexp")} placeholder="v[0-9]+" />
        </>
      )}
      {kind === "schedule" && (
        <>
          <TextField bound={bound} path={[...path, "schedule", "cron"]} label={t("conditions.cron")} placeholder="0 3 * * *" />
          <TextField bound={bound} path={[...path, "schedule", "timezone"]} label={t("conditions.timezone")} placeholder="Asia/Shanghai" />
          <ChoiceField bound={bound} path={[...path, "schedule", "missed"]} label={t("conditions.missed")} fallback="skip" options={[{ value: "skip", label: t("conditions.skip") }, { value: "run-once", label: t("conditions.runOnce") }]} />
        </>
      )}
      <ParamsForm bound={bound} path={[...path, "params"]} incoming />
    </Card>
  );
}

const codeHosts = ["github", "gitlab", "gitee", "gitea"];

function WebhookAddress({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const url = useWebhooks(textAt(doc, ["name"])).get(pathText(path));
  const at = [...path, "webhook"];
  const signature = textAt(doc, [...at, "signature"]);
  const signers = ["standard", ...codeHosts].map((value) => ({ value, label: value }));
  // The map stays when nothing is left in it: it says that the condition is a webhook.
  const put = (next: Record<string, string | undefined>) => onChange(change(text, (d) => {
    const now = { ...(valueAt(d, at) as Record<string, unknown> | null), ...next };
    d.setIn(at, d.createNode(Object.fromEntries(Object.entries(now).filter(([, v]) => v !== undefined && v !== ""))));
  }));
  return (
    <>
      {url === undefined ? <p className="dim">{t("pipelines.url")}</p> : <p><span className="dim">POST </span><Copyable text={url} /></p>}
      <ChoiceField bound={bound} path={[...at, "signature"]} label={t("conditions.signature")} fallback="" options={[{ value: "", label: t("conditions.unsigned") }, ...signers]}
        onSet={(v) => put({ signature: v, window: undefined, ...(codeHosts.includes(v) ? { extra: undefined } : {}) })} />
      {(signature === "standard" || signature === "gitee") && <TextField bound={bound} path={[...at, "window"]} label={t("conditions.window")} placeholder={signature === "gitee" ? "1h" : "5m"} onWrite={(v) => put({ window: v })} />}
      {!codeHosts.includes(signature) && (
        <ChoiceField bound={bound} path={[...at, "extra"]} label={t("conditions.extra")} fallback="refuse" onSet={(v) => put({ extra: v === "refuse" ? undefined : v })}
          options={[{ value: "refuse", label: t("conditions.refuse") }, { value: "ignore", label: t("conditions.ignoreThem") }]} />
      )}
    </>
  );
}

/** The name of a channel: one that exists, or another one, which is made when something is first published to it. */
export function ChannelField({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const known = useQuery(channels);
  return <TextField bound={bound} path={path} label={t("conditions.channel")} options={(known.data ?? []).map((c) => c.name)} onWrite={(v) => bound.onChange(change(bound.text, (doc) => doc.setIn(path, v)))} />;
}

/** Parameters of a message on one side, variables of the pipeline on the other. */
export function ParamsForm({ bound, path, incoming }: { bound: Bound; path: Path; incoming: boolean }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const variables = variableNames(doc).filter((v) => !incoming || !v.startsWith("SYS_"));
  const write = (at: Path, value: string) => onChange(change(text, (d) => d.setIn(at, value)));
  const count = lengthAt(doc, path);
  return (
    <div role="group" aria-label={t(incoming ? "conditions.incoming" : "conditions.outgoing")}>
      {count > 0 && <p className="dim">{t(incoming ? "conditions.incoming" : "conditions.outgoing")}</p>}
      {Array.from({ length: count }, (_, i) => (
        <div className="row" key={i}>
          <Input className="wide" value={textAt(doc, [...path, i, "name"])} placeholder={t("pipelines.param")} aria-label={`${t("pipelines.param")} ${i + 1}`} onChange={(e) => write([...path, i, "name"], e.target.value)} />
          <span aria-hidden>{incoming ? "→" : "←"}</span>
          <AutoComplete className="wide" value={textAt(doc, [...path, i, "variable"])} placeholder={t("pipelines.variable")} aria-label={`${t("pipelines.variable")} ${i + 1}`} options={variables.map((value) => ({ value }))} onChange={(v: string) => write([...path, i, "variable"], v)} />
          {incoming && valueAt(doc, [...path, i, "required"]) !== true && (
            <Input value={textAt(doc, [...path, i, "default"])} placeholder={t("common.default")} aria-label={`${t("common.default")} ${i + 1}`} style={{ width: 130 }} onChange={(e) => onChange(change(text, set([...path, i, "default"], e.target.value)))} />
          )}
          {incoming && <Checkbox checked={valueAt(doc, [...path, i, "required"]) === true} onChange={(e) => onChange(change(text, set([...path, i, "required"], e.target.checked ? true : undefined), ...(e.target.checked ? [remove([...path, i, "default"])] : [])))}>{t("common.required")}</Checkbox>}
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("pipelines.param")} ${i + 1}`} onClick={() => onChange(change(text, count === 1 ? remove(path) : remove([...path, i])))} />
        </div>
      ))}
      <Problems path={path} findings={bound.findings} within />
      <Button size="small" type="dashed" onClick={() => onChange(change(text, append(path, { name: "", variable: variables[0] ?? "" })))}>{t("pipelines.addParam")}</Button>
    </div>
  );
}
