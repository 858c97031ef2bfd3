import { useState } from "react";
import { Button, Card, Checkbox, Dropdown, Input } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useText } from "../../i18n";
import { ChannelField, ParamsForm, variableNames } from "./conditions";
import { CompletedInput } from "../../ui/complete";
import { append, change, keysAt, lengthAt, makeWay, remove, set, textAt, valueAt, type Path } from "./document";
import { ChoiceField, Problems, TextField, type Bound } from "./field";

const chats = ["slack", "teams", "dingtalk", "wecom", "feishu"] as const;
const aboutTheRun = ["pipeline.name", "run.id", "run.number", "run.url", "stage.name", "stage.outcome", "stage.state", "stage.message"];
// The server keeps headers with such names apart and masks them.
const secretWords = /authorization|token|secret|key|password|cookie|sign/i;

/** What a stage sends when it has ended: webhooks and channel messages, each on success, on failure or both. */
export function NotificationsForm({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const count = lengthAt(doc, path);
  const add = (kind: string) =>
    onChange(change(text, append(path, kind === "channel" ? { channel: { name: "" }, outcomes: ["success"] } : { webhook: { method: "POST", url: "https://" }, outcomes: ["success", "failure"] })));
  return (
    <>
      {Array.from({ length: count }, (_, i) => <Notification key={i} bound={bound} path={[...path, i]} />)}
      <Dropdown trigger={["click"]} menu={{ items: (["webhook", "channel"] as const).map((key) => ({ key, label: t(`conditions.${key}`) })), onClick: ({ key }) => add(key) }}>
        <Button size="small">{t("stageForm.addNotification")}</Button>
      </Dropdown>
    </>
  );
}

function Notification({ bound, path }: { bound: Bound; path: Path }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const kind = keysAt(doc, path).includes("channel") ? "channel" : "webhook";
  const outcomes = valueAt(doc, [...path, "outcomes"]);
  const variables = [...variableNames(doc), ...aboutTheRun];
  const listed = valueAt(doc, [...path, "webhook", "secret_headers"]);
  const secrets = Array.isArray(listed) ? listed.map(String) : [];
  const secretHeaders: SecretHeaders = {
    has: (name) => secretWords.test(name) || secrets.includes(name),
    sure: (name) => secretWords.test(name),
    turn: (name, on) => {
      const next = on ? [...secrets, name] : secrets.filter((s) => s !== name);
      onChange(change(text, next.length > 0 ? set([...path, "webhook", "secret_headers"], next) : remove([...path, "webhook", "secret_headers"])));
    },
  };
  return (
    <Card size="small" className="gap" title={t(`conditions.${kind}`)} extra={<Button size="small" icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t(`conditions.${kind}`)}`} onClick={() => onChange(change(text, remove(path)))} />}>
      {kind === "channel" ? (
        <>
          <ChannelField bound={bound} path={[...path, "channel", "name"]} />
          <ParamsForm bound={bound} path={[...path, "params"]} incoming={false} />
        </>
      ) : (
        <>
          <ChoiceField bound={bound} path={[...path, "webhook", "kind"]} label={t("stageForm.kind")} fallback="" options={[{ value: "", label: t("stageForm.kindPlain") }, ...chats.map((value) => ({ value, label: t(`stageForm.${value}`) }))]} />
          <ChoiceField bound={bound} path={[...path, "webhook", "method"]} label={t("stageForm.method")} fallback="POST" options={["POST", "GET"].map((value) => ({ value, label: value }))} />
          <TextField bound={bound} path={[...path, "webhook", "url"]} label="URL" placeholder="https://example.com/hook" complete={variables} onWrite={(v) => onChange(change(text, (d) => d.setIn([...path, "webhook", "url"], v)))} />
          <PairsForm bound={bound} path={[...path, "webhook", "headers"]} label={t("stageForm.headers")} variables={variables} secret={secretHeaders} />
          <PairsForm bound={bound} path={[...path, "webhook", "query"]} label={t("stageForm.query")} variables={variables} />
          <TextField bound={bound} path={[...path, "webhook", "body"]} label={t("stageForm.body")} long complete={variables} hint={t("stageForm.bodyHint")} />
          <Problems path={[...path, "webhook"]} findings={bound.findings} />
        </>
      )}
      <Checkbox.Group
        value={Array.isArray(outcomes) ? outcomes.map(String) : ["success", "failure"]}
        options={[{ value: "success", label: t("stageForm.onSuccess") }, { value: "failure", label: t("stageForm.onFailure") }]}
        onChange={(list) => onChange(change(text, set([...path, "outcomes"], list)))}
      />
    </Card>
  );
}

interface SecretHeaders {
  has: (name: string) => boolean;
  /** Its name says so already. */
  sure: (name: string) => boolean;
  turn: (name: string, on: boolean) => void;
}

interface PairsProps {
  bound: Bound;
  path: Path;
  label: string;
  variables: readonly string[];
  secret?: SecretHeaders;
}

/** Names with values, as a map in the file. */
function PairsForm({ bound, path, label, variables, secret }: PairsProps) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const names = keysAt(doc, path);
  const write = (name: string, value: string) => onChange(change(text, (d) => { makeWay(d, [...path, name]); d.setIn([...path, name], value); }));
  const rename = (from: string, to: string) => {
    const entries = names.map((n): [string, unknown] => [n === from ? to : n, valueAt(doc, [...path, n])]);
    onChange(change(text, set(path, Object.fromEntries(entries))));
  };
  const free = () => {
    for (let n = names.length + 1; ; n++) if (!names.includes(`name-${n}`)) return `name-${n}`;
  };
  return (
    <div className="field" role="group" aria-label={label}>
      <span>{label}</span>
      {names.map((name, i) => (
        <div className="row" key={i}>
          <NameInput label={`${label}: ${t("common.name")} ${i + 1}`} name={name} taken={names} onRename={(to) => rename(name, to)} />
          {secret?.has(name) ? (
            <Input.Password className="wide" value={textAt(doc, [...path, name])} aria-label={`${label}: ${t("common.value")} ${i + 1}`} autoComplete="new-password" onChange={(e) => write(name, e.target.value)} />
          ) : (
            <CompletedInput className="wide" value={textAt(doc, [...path, name])} names={variables} aria-label={`${label}: ${t("common.value")} ${i + 1}`} onChange={(v) => write(name, v)} />
          )}
          {secret && <Checkbox checked={secret.has(name)} disabled={secret.sure(name)} onChange={(e) => secret.turn(name, e.target.checked)}>{t("common.secret")}</Checkbox>}
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${name}`} onClick={() => onChange(change(text, remove([...path, name])))} />
        </div>
      ))}
      <Problems path={path} findings={bound.findings} within />
      <span><Button size="small" type="dashed" aria-label={`${t("common.add")} ${label}`} onClick={() => write(free(), "")}>{t("common.add")}</Button></span>
    </div>
  );
}

interface NameInputProps {
  label: string;
  name: string;
  taken: readonly string[];
  onRename: (to: string) => void;
}

/** The key of an entry. It follows the typing; what cannot be a key, because it is empty or taken, stays in the field until it can. */
function NameInput({ label, name, taken, onRename }: NameInputProps) {
  const [draft, setDraft] = useState<string>();
  const write = (typed: string) => {
    const free = typed !== "" && (typed === name || !taken.includes(typed));
    setDraft(free ? undefined : typed);
    if (free && typed !== name) onRename(typed);
  };
  return <Input className="wide" value={draft ?? name} status={draft === undefined ? undefined : "error"} aria-label={label} aria-invalid={draft !== undefined} onChange={(e) => write(e.target.value)} onBlur={() => setDraft(undefined)} />;
}
