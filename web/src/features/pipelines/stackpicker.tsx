import { useState } from "react";
import { Button, Input, Select } from "antd";
import type { Noun } from "../../api/client";
import { useText } from "../../i18n";
import { StateTag } from "../../ui/state";
import { variableNames } from "./conditions";
import { change, set, textAt, type Path } from "./document";
import { FieldFrame, type Bound } from "./field";

interface PickerProps {
  bound: Bound;
  path: Path;
  list: readonly Noun<"Stack">[];
  /** A stack that does not exist yet, to be made by the stage. */
  onNew: (name: string) => void;
}

/** Chooses a stack that was made successfully, names one with variables, or begins a new one. */
export function StackPicker({ bound, path, list, onNew }: PickerProps) {
  const { t } = useText();
  const [typed, type] = useState("");
  const [fresh, setFresh] = useState("");
  const value = textAt(bound.doc, path);
  const ready = list.filter((s) => s.status !== "pending" && !s.parent);
  const names = new Set(ready.map((s) => s.name));
  const extra = [...new Set([typed, value, ...variableNames(bound.doc).filter((v) => v.toLowerCase().includes("stack")).map((v) => `\${${v}}`)])].filter((v) => v !== "" && !names.has(v));
  const options = [
    ...extra.map((v) => ({ value: v, label: <>{v} <span className="dim">{v.includes("${") ? "" : t("stageForm.newStack")}</span></> })),
    ...ready.map((s) => ({ value: s.name, label: <>{s.name} <span className="dim">{s.template}@{s.version} · {s.target}</span> <StateTag state={s.status} good={s.status === "running"} /></> })),
  ];
  const begin = () => {
    if (fresh === "") return;
    onNew(fresh);
    setFresh("");
  };
  return (
    <FieldFrame label={t("pipelines.stack")} path={path} findings={bound.findings}>
      <Select
        value={value || undefined}
        aria-label={t("pipelines.stack")}
        showSearch={{ onSearch: type, filterOption: (wanted, o) => (o?.value ?? "").includes(wanted) }}
        options={options}
        style={{ width: "100%" }}
        onChange={(v: string) => {
          type("");
          bound.onChange(change(bound.text, set(path, v)));
        }}
        onBlur={() => type("")}
        popupRender={(menu) => (
          <>
            {menu}
            <div className="row picker-new">
              <Input size="small" value={fresh} placeholder={t("stageForm.newStackName")} aria-label={t("stageForm.newStackName")} onChange={(e) => setFresh(e.target.value)} onKeyDown={(e) => { e.stopPropagation(); if (e.key === "Enter") begin(); }} />
              <Button size="small" type="link" disabled={fresh === ""} onClick={begin}>+ {t("stageForm.new")}</Button>
            </div>
          </>
        )}
      />
    </FieldFrame>
  );
}
