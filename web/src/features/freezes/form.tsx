import { useState } from "react";
import { Input, Select } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { groups, pipelines, targets } from "../../api/queries";
import { useMay } from "../../app/may";
import { useText } from "../../i18n";
import { Dialog, Labelled } from "../../ui/dialog";
import { fromField, toField } from "../../ui/moment";

type Scope = Noun<"Freeze">["scope"];

const hour = 3_600_000;

/** Keeps deploying stages from beginning for some time; what may be frozen follows from the rights. */
export function NewFreeze({ onClose }: { onClose: () => void }) {
  const { t } = useText();
  const may = useMay();
  const client = useQueryClient();
  const scopes: Scope[] = [...(may.admin ? (["all", "target"] as const) : []), ...(may.anywhere("manage") ? (["group"] as const) : []), "pipeline"];
  const [scope, setScope] = useState<Scope>(scopes[0] ?? "pipeline");
  const [name, setName] = useState("");
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState(() => toField(new Date(Date.now() + 24 * hour).toISOString()));
  const [reason, setReason] = useState("");
  const groupList = useQuery({ ...groups, enabled: scope === "group" });
  const targetList = useQuery({ ...targets, enabled: scope === "target" });
  const pipelineList = useQuery({ ...pipelines, enabled: scope === "pipeline" });
  const names: Record<Scope, string[]> = {
    all: [],
    group: (groupList.data ?? []).map((g) => g.name).filter((g) => may.in(g, "manage")),
    target: (targetList.data ?? []).map((x) => x.name),
    pipeline: (pipelineList.data ?? []).filter((p) => may.in(p.group, "edit")).map((p) => p.name),
  };
  const end = fromField(until);
  const submit = async () => {
    const begin = fromField(from);
    await need(api.POST("/api/v1/freezes", { body: { scope, reason, until: end ?? "", ...(scope === "all" ? {} : { name }), ...(begin && { from: begin }) } }));
    await client.invalidateQueries({ queryKey: ["freezes"] });
  };
  const change = (to: Scope) => {
    setScope(to);
    setName("");
  };
  return (
    <Dialog open title={t("freezes.create")} button={t("freezes.create")} disabled={(scope !== "all" && name === "") || end === undefined || reason.trim() === ""} onClose={onClose} onSubmit={submit}>
      <Labelled label={t("freezes.scope")}><Select<Scope> value={scope} aria-label={t("freezes.scope")} options={scopes.map((value) => ({ value, label: t(`freezes.${value}`) }))} onChange={change} /></Labelled>
      {scope !== "all" && <Labelled label={t("common.name")}><Select showSearch value={name || undefined} aria-label={t("common.name")} options={names[scope].map((value) => ({ value, label: value }))} onChange={setName} /></Labelled>}
      <Labelled label={t("freezes.fromNow")}><Input type="datetime-local" value={from} onChange={(e) => setFrom(e.target.value)} /></Labelled>
      <Labelled label={t("freezes.until")}><Input type="datetime-local" required value={until} onChange={(e) => setUntil(e.target.value)} /></Labelled>
      <Labelled label={t("freezes.reason")}><Input.TextArea value={reason} maxLength={2000} autoSize={{ minRows: 2, maxRows: 5 }} onChange={(e) => setReason(e.target.value)} /></Labelled>
    </Dialog>
  );
}
