import { Button, Card, Checkbox, Dropdown, Input } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useText } from "../../i18n";
import { ParamsForm } from "./conditions";
import { append, change, keysAt, lengthAt, remove, set, textAt, valueAt, type Path } from "./document";
import { ChoiceField, TextField, type Bound } from "./field";

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
  return (
    <Card size="small" className="gap" title={t(`conditions.${kind}`)} extra={<Button size="small" icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t(`conditions.${kind}`)}`} onClick={() => onChange(change(text, remove(path)))} />}>
      {kind === "channel" ? (
        <>
          <TextField bound={bound} path={[...path, "channel", "name"]} label={t("conditions.channel")} />
          <ParamsForm bound={bound} path={[...path, "params"]} incoming={false} />
        </>
      ) : (
        <>
          <ChoiceField bound={bound} path={[...path, "webhook", "method"]} label={t("stageForm.method")} fallback="POST" options={["POST", "GET"].map((value) => ({ value, label: value }))} />
          <TextField bound={bound} path={[...path, "webhook", "url"]} label="URL" placeholder="https://example.com/hook" />
          <PairsForm bound={bound} path={[...path, "webhook", "headers"]} label={t("stageForm.headers")} />
          <PairsForm bound={bound} path={[...path, "webhook", "query"]} label={t("stageForm.query")} />
          <TextField bound={bound} path={[...path, "webhook", "body"]} label={t("stageForm.body")} long />
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

/** Names with values, as a map in the file. */
function PairsForm({ bound, path, label }: { bound: Bound; path: Path; label: string }) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const names = keysAt(doc, path);
  const rename = (from: string, to: string) => onChange(change(text, set([...path, to], textAt(doc, [...path, from])), remove([...path, from])));
  return (
    <div className="field" role="group" aria-label={label}>
      <span>{label}</span>
      {names.map((name, i) => (
        <div className="row" key={i}>
          <Input className="wide" defaultValue={name} aria-label={`${t("common.name")} ${i + 1}`} onBlur={(e) => e.target.value !== "" && e.target.value !== name && rename(name, e.target.value)} />
          <Input className="wide" value={textAt(doc, [...path, name])} aria-label={`${t("common.value")} ${i + 1}`} onChange={(e) => onChange(change(text, set([...path, name], e.target.value)))} />
          <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${name}`} onClick={() => onChange(change(text, remove([...path, name])))} />
        </div>
      ))}
      <Button size="small" type="dashed" onClick={() => onChange(change(text, set([...path, `name-${names.length + 1}`], "value")))}>{t("common.add")}</Button>
    </div>
  );
}
