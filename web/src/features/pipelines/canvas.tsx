import { useMemo } from "react";
import { Button } from "antd";
import type { Finding } from "../../api/client";
import { useText } from "../../i18n";
import { pipelinePicture } from "../../picture/model";
import { PictureView, type PictureEdit } from "../../picture/view";

export interface StageHead {
  name: string;
  type: string;
  needs?: string[];
}

/** The stages of a file as far as the picture needs them; whatever is odd in it gets a place all the same. */
export function stagesOf(value: unknown): StageHead[] {
  if (!Array.isArray(value)) return [];
  return value.map((v, i) => {
    const stage = (typeof v === "object" && v !== null ? v : {}) as Record<string, unknown>;
    const text = (value: unknown, otherwise: string) => (typeof value === "string" || typeof value === "number" ? String(value) : otherwise);
    return { name: text(stage.name, `#${i + 1}`), type: text(stage.type, ""), needs: Array.isArray(stage.needs) ? stage.needs.map(String) : undefined };
  });
}

/** How many errors were found at a place of the file or within it. */
export const errorsAt = (findings: readonly Finding[], path: string): number =>
  findings.filter((f) => f.severity === "error" && (f.path === path || f.path?.startsWith(`${path}.`) === true || f.path?.startsWith(`${path}[`) === true)).length;

interface CanvasProps extends PictureEdit {
  name: string;
  stages: readonly StageHead[];
  findings: readonly Finding[];
  chosen: string | undefined;
  onChoose: (name: string | undefined) => void;
  onAppend: () => void;
  disabled: boolean;
}

/** The picture of a pipeline that is edited, and the same stages as a row of buttons. */
export function Canvas({ name, stages, findings, chosen, onChoose, onAppend, disabled, ...edit }: CanvasProps) {
  const text = useText();
  const { t } = text;
  const picture = useMemo(
    () => pipelinePicture(stages.map((s, i) => ({ ...s, problems: errorsAt(findings, `stages[${i}]`) })), (s) => text.stageType(s.type)),
    [stages, findings, text],
  );
  const elsewhere = findings.filter((f) => f.severity === "error" && !f.path?.startsWith("stages[")).length;
  return (
    <>
      <PictureView picture={picture} name={name} chosen={chosen} onChoose={onChoose} edit={disabled ? undefined : edit} />
      <p className="dim">{t("pipelines.pictureHint")}</p>
      <div className="row" role="group" aria-label={t("pipelines.stages")}>
        <Button type={chosen === undefined ? "primary" : "default"} danger={elsewhere > 0} size="small" onClick={() => onChoose(undefined)}>{t("pipelines.basics")}</Button>
        {stages.map((s, i) => <Button key={`${i}-${s.name}`} size="small" danger={errorsAt(findings, `stages[${i}]`) > 0} type={s.name === chosen ? "primary" : "default"} onClick={() => onChoose(s.name)}>{s.name}</Button>)}
        <Button size="small" disabled={disabled} onClick={onAppend}>+ {t("pipelines.addStage")}</Button>
      </div>
    </>
  );
}
