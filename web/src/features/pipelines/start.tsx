import { useState } from "react";
import { App, Input, Modal } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { useText } from "../../i18n";
import { useFocusBack } from "../../ui/focus";
import { ProblemAlert } from "../../ui/problem";

interface StartProps {
  pipeline: Noun<"Pipeline">;
  /** Values to begin with instead of the pipeline's own. */
  values?: Record<string, string>;
  onClose: () => void;
}

/** The variables for a last check and change before a run starts. */
export function StartDialog({ pipeline, values, onClose }: StartProps) {
  const { t } = useText();
  useFocusBack(true);
  const variables = pipeline.spec.variables ?? [];
  const [given, give] = useState<Record<string, string>>(() => Object.fromEntries(variables.map((v) => [v.name, values?.[v.name] ?? v.value])));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const start = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const run = await need(api.POST("/api/v1/pipelines/{name}/runs", { params: { path: { name: pipeline.name } }, body: { variables: given } }));
      void client.invalidateQueries({ queryKey: ["pipelines"] });
      void message.success(t("pipelines.runStarted", { number: run.number }));
      onClose();
      await navigate({ to: "/runs/$id", params: { id: run.id }, search: {} });
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Modal open title={t("pipelines.startTitle", { name: pipeline.name })} okText={t("pipelines.start")} onOk={() => void start()} onCancel={onClose} confirmLoading={busy}>
      {variables.length > 0 && <p className="dim">{t("pipelines.startHint")}</p>}
      {variables.map((v) => (
        <label className="field" key={v.name}>
          <span><code>{v.name}</code> <span className="dim">{v.description}</span></span>
          <Input value={given[v.name] ?? ""} onChange={(e) => give({ ...given, [v.name]: e.target.value })} onPressEnter={() => void start()} />
        </label>
      ))}
      <p className="dim"><code>SYS_TIMESTAMP</code>, <code>SYS_INCREMENT</code>: {t("pipelines.system")}</p>
      <ProblemAlert error={error} />
    </Modal>
  );
}
