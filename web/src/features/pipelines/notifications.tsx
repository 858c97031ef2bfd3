import { Button, Card, Checkbox, Dropdown } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useText } from "../../i18n";
import { ChannelField, ParamsForm, variableNames } from "./conditions";
import { append, change, keysAt, lengthAt, remove, set, valueAt, type Path } from "./document";
import { ChoiceField, Problems, TextField, type Bound } from "./field";
import { PairsForm } from "./pairs";

const chats = ["slack", "teams", "dingtalk", "wecom", "feishu"] as const;
const aboutTheRun = ["pipeline.name", "run.id", "run.number", "run.url", "stage.name", "stage.outcome", "stage.state", "stage.message"];

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
          <PairsForm bound={bound} path={[...path, "webhook", "headers"]} label={t("stageForm.headers")} variables={variables} secrets={[...path, "webhook", "secret_headers"]} />
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
