import { useState } from "react";
import { InputNumber } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { useText } from "../../i18n";
import { Dialog, Labelled } from "../../ui/dialog";
import { isSpan, tidySpan, WindowsForm, type Window } from "../../ui/windows";

/** How many deploying stages a target takes at once, and when they may begin. */
export function TargetRules({ target, onClose }: { target: Noun<"Target">; onClose: () => void }) {
  const { t } = useText();
  const client = useQueryClient();
  const [stages, setStages] = useState<number | null>(target.limits.stages ?? null);
  const [windows, setWindows] = useState<Window[]>(() => (target.windows ?? []).map((w) => ({ ...w, duration: tidySpan(w.duration) })));
  const submit = async () => {
    await need(api.PATCH("/api/v1/targets/{name}", { params: { path: { name: target.name } }, body: { limits: { stages: stages ?? 0 }, windows } }));
    await client.invalidateQueries({ queryKey: ["targets"] });
  };
  return (
    <Dialog open title={t("rules.editTarget", { name: target.name })} button={t("common.save")} disabled={windows.some((w) => w.cron === "" || !isSpan(w.duration))} onClose={onClose} onSubmit={submit}>
      <Labelled label={`${t("rules.limitStages")} (${t("rules.unlimited")})`}><InputNumber min={1} max={1000} precision={0} value={stages === 0 ? null : stages} onChange={setStages} style={{ width: "100%" }} /></Labelled>
      <WindowsForm windows={windows} onChange={setWindows} />
    </Dialog>
  );
}
