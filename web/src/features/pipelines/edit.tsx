import { useEffect, useMemo, useState } from "react";
import { App, Button, Card, Segmented } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useBlocker, useNavigate, useParams } from "@tanstack/react-router";
import { Problem, send, type Finding, type Noun } from "../../api/client";
import { pipeline as pipelineQuery } from "../../api/queries";
import { useText } from "../../i18n";
import { pipelinePicture } from "../../picture/model";
import { PictureView } from "../../picture/view";
import { Editor } from "../../ui/editor";
import { Loaded, Page } from "../../ui/page";
import { Findings, ProblemAlert } from "../../ui/problem";
import { blankPipeline, change, insert, readText, textAt, valueAt } from "./document";
import { BasicsForm } from "./basics";
import { StageForm } from "./stage";

type Pipeline = Noun<"Pipeline">;
interface Check {
  diagnostics: Finding[];
}

export function NewPipelinePage() {
  const { t } = useText();
  return (
    <Page title={t("pipelines.newTitle")} trail={<Link to="/pipelines" search={{}}>{t("app.pipelines")}</Link>}>
      <EditorPane first={blankPipeline("my-pipeline")} />
    </Page>
  );
}

export function EditPipelinePage() {
  const { t } = useText();
  const { name } = useParams({ from: "/shell/pipelines/$name/edit" });
  // What is being edited stays when somebody else saves: the conflict is told on saving.
  const query = useQuery({ ...pipelineQuery(name), queryKey: ["pipeline-edit", name], staleTime: Infinity, gcTime: 0 });
  return (
    <Page title={`${t("pipelines.edit")}: ${name}`} trail={<Link to="/pipelines/$name" params={{ name }}>{name}</Link>}>
      <Loaded query={query}>{({ data, etag }) => <EditorPane first={data.source} etag={etag} name={name} />}</Loaded>
    </Page>
  );
}

const none: Finding[] = [];

/** The text of a pipeline as a form and as YAML side by side, always in step: the text is the truth. */
function EditorPane({ first, etag, name }: { first: string; etag?: string | null; name?: string }) {
  const { t } = useText();
  const [text, setText] = useState(first);
  const [match, setMatch] = useState(etag);
  const [chosen, choose] = useState<string>();
  const [side, setSide] = useState<"both" | "form" | "yaml">("both");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [theirs, setTheirs] = useState<{ source: string; etag: string | null }>();
  const [saved, setSaved] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  useBlocker({ shouldBlockFn: () => text !== first && !saved && !window.confirm(`${t("common.unsaved")} ${t("common.leave")}`), enableBeforeUnload: () => text !== first && !saved });
  const read = useMemo(() => readText(text), [text]);
  const settled = useSettled(text, 350);
  const check = useQuery({
    queryKey: ["pipeline-check", settled],
    queryFn: () => send<Check>("POST", "/api/v1/pipelines/validate", settled, { "Content-Type": "application/yaml" }),
    retry: false,
    staleTime: Infinity,
    placeholderData: (before) => before,
  });
  const findings = check.data?.diagnostics ?? none;
  const doc = read.doc;
  const stages = useMemo(() => (doc ? stagesOf(valueAt(doc, ["stages"])) : []), [doc]);
  const picture = useMemo(() => pipelinePicture(stages.map((s, i) => ({ ...s, state: findings.some((f) => f.path?.startsWith(`stages[${i}]`) && f.severity === "error") ? "failed" : undefined }))), [stages, findings]);
  const index = stages.findIndex((s) => s.name === chosen);
  const target = name ?? (doc ? textAt(doc, ["name"]) : "");
  const save = async (tag: string | null | undefined) => {
    setBusy(true);
    setError(undefined);
    try {
      const stored = await send<Pipeline>("PUT", `/api/v1/pipelines/${encodeURIComponent(target)}`, text, { "Content-Type": "application/yaml", ...(tag ? { "If-Match": tag } : {}) });
      setSaved(true);
      await client.invalidateQueries({ queryKey: ["pipelines"] });
      void message.success(t("pipelines.saved", { name: stored.name }));
      await navigate({ to: "/pipelines/$name", params: { name: stored.name }, ignoreBlocker: true });
    } catch (e) {
      if (e instanceof Problem && (e.status === 412 || e.status === 409) && name !== undefined) {
        const now = await client.query({ ...pipelineQuery(name), staleTime: 0 });
        setTheirs({ source: now.data.source, etag: now.etag });
      }
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const addStage = (at: number) => {
    const stage = freeName(stages.map((s) => s.name), "deploy");
    setText(change(text, insert(["stages"], at, { name: stage, type: "template-deploy", deploy: { tool: "aos", stack: target || "stack" }, timeout: "1h" })));
    choose(stage);
  };
  return (
    <>
      <div className="row">
        <Button type="primary" loading={busy} disabled={!doc || target === "" || findings.some((f) => f.severity === "error")} onClick={() => void save(match)}>{t("common.save")}</Button>
        <Segmented value={side} onChange={setSide} options={[{ value: "both", label: `${t("pipelines.form")} + YAML` }, { value: "form", label: t("pipelines.form") }, { value: "yaml", label: "YAML" }]} />
        <span className="dim">{t("pipelines.fromText")}</span>
      </div>
      <ProblemAlert error={error} />
      {theirs && (
        <Card className="gap" title={t("pipelines.conflict")}>
          <p>{t("pipelines.conflictText")}</p>
          <div className="split">
            <div><h2>{t("pipelines.theirs")}</h2><Editor label={t("pipelines.theirs")} value={theirs.source} height="260px" /></div>
            <div><h2>{t("pipelines.yours")}</h2><Editor label={t("pipelines.yours")} value={text} onChange={setText} height="260px" /></div>
          </div>
          <div className="row">
            <Button danger onClick={() => { setMatch(theirs.etag); setTheirs(undefined); void save(theirs.etag); }}>{t("pipelines.overwrite")}</Button>
            <Button onClick={() => { setText(theirs.source); setMatch(theirs.etag); setTheirs(undefined); setError(undefined); }}>{t("pipelines.takeTheirs")}</Button>
          </div>
        </Card>
      )}
      <PictureView picture={picture} name={target || "pipeline"} chosen={chosen} onChoose={choose} />
      <div className="row" role="group" aria-label={t("pipelines.stages")}>
        <Button type={index < 0 ? "primary" : "default"} size="small" onClick={() => choose(undefined)}>{t("pipelines.basics")}</Button>
        {stages.map((s, i) => (
          <span key={`${i}-${s.name}`} className="row" style={{ margin: 0 }}>
            <Button size="small" aria-label={`${t("pipelines.addStage")} ${i + 1}`} onClick={() => addStage(i)}>+</Button>
            <Button size="small" type={s.name === chosen ? "primary" : "default"} onClick={() => choose(s.name)}>{s.name}</Button>
          </span>
        ))}
        <Button size="small" disabled={!doc} onClick={() => addStage(stages.length)}>+ {t("pipelines.addStage")}</Button>
      </div>
      <div className={side === "both" ? "split" : undefined}>
        {side !== "yaml" && (
          <div>
            {!doc && <ProblemAlert error={new Error(`${t("pipelines.notReadable")} ${read.error?.line ? t("common.line", { line: read.error.line }) : ""} ${read.error?.message ?? ""}`)} />}
            {doc && index < 0 && <BasicsForm doc={doc} text={text} onChange={setText} findings={findings} fixedName={name !== undefined} />}
            {doc && index >= 0 && <StageForm key={index} doc={doc} text={text} onChange={setText} findings={findings} index={index} count={stages.length} onRename={choose} />}
          </div>
        )}
        {side !== "form" && (
          <div>
            <Editor label="YAML" value={text} onChange={setText} findings={findings} height="640px" />
            {findings.length > 0 && <><p>{t("pipelines.problems", { count: findings.length })}</p><Findings findings={findings} /></>}
          </div>
        )}
      </div>
    </>
  );
}

interface StageHead {
  name: string;
  type: string;
  needs?: string[];
}

function stagesOf(value: unknown): StageHead[] {
  if (!Array.isArray(value)) return [];
  return value.map((v, i) => {
    const stage = (typeof v === "object" && v !== null ? v : {}) as Record<string, unknown>;
    const text = (value: unknown, otherwise: string) => (typeof value === "string" || typeof value === "number" ? String(value) : otherwise);
    return { name: text(stage.name, `#${i + 1}`), type: text(stage.type, ""), needs: Array.isArray(stage.needs) ? stage.needs.map(String) : undefined };
  });
}

export function freeName(taken: readonly string[], wish: string): string {
  if (!taken.includes(wish)) return wish;
  for (let n = 2; ; n++) if (!taken.includes(`${wish}-${n}`)) return `${wish}-${n}`;
}

/** A value that stood still for a while. */
function useSettled<T>(value: T, ms: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
