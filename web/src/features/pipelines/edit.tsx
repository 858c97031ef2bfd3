import { useEffect, useMemo, useState } from "react";
import { App, Button, Segmented } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useBlocker, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { api, Problem, needWithTag, send, type Finding, type Noun } from "../../api/client";
import { pipeline as pipelineQuery } from "../../api/queries";
import { useText } from "../../i18n";
import { Editor } from "../../ui/editor";
import { Loaded, Page } from "../../ui/page";
import { Findings, ProblemAlert } from "../../ui/problem";
import { BasicsForm } from "./basics";
import { Canvas, stagesOf } from "./canvas";
import { Conflict } from "./conflict";
import { blankPipeline, readText, textAt, valueAt } from "./document";
import { addStage, moveStage, removeStage, shiftStage, type Side } from "./order";
import { StageForm } from "./stage";

type Pipeline = Noun<"Pipeline">;
interface Check {
  diagnostics: Finding[];
}

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** A pipeline file that the editor begins with. */
    source?: string;
  }
}

export function NewPipelinePage() {
  const { t } = useText();
  const source = useLocation({ select: (place) => place.state.source });
  return (
    <Page title={t("pipelines.newTitle")} trail={<Link to="/pipelines" search={{}}>{t("app.pipelines")}</Link>}>
      <EditorPane first={source ?? blankPipeline("my-pipeline")} made={source !== undefined} />
    </Page>
  );
}

export function EditPipelinePage() {
  const { t } = useText();
  const { name } = useParams({ from: "/shell/pipelines/$name/edit" });
  // What is being edited stays when somebody else saves: the conflict is told on saving.
  const query = useQuery({ ...pipelineQuery(name), queryKey: ["pipeline-edit", name], staleTime: Infinity, gcTime: 0 });
  return (
    <Page title={`${t("pipelines.edit")}${t("roles.colon")}${name}`} trail={<Link to="/pipelines/$name" params={{ name }}>{name}</Link>}>
      <Loaded query={query}>{({ data, etag }) => <EditorPane first={data.source} etag={etag} name={name} />}</Loaded>
    </Page>
  );
}

interface Stored {
  source: string;
  etag: string | null;
}

/** What is stored under a name; undefined when nothing is. */
async function stored(name: string): Promise<Stored | undefined> {
  try {
    const { data, etag } = await needWithTag(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } } }));
    return { source: data.source, etag };
  } catch (e) {
    if (e instanceof Problem && e.status === 404) return undefined;
    throw e;
  }
}

const none: Finding[] = [];

interface EditorProps {
  first: string;
  etag?: string | null;
  /** Of a pipeline that is there. */
  name?: string;
  /** What it begins with was filled in by somebody, and would be lost. */
  made?: boolean;
}

/** The text of a pipeline as a form and as YAML side by side, always in step: the text is the truth. */
export function EditorPane({ first, etag, name, made = false }: EditorProps) {
  const { t } = useText();
  const [text, setText] = useState(first);
  const [match, setMatch] = useState(etag);
  const [index, chooseIndex] = useState(-1); // of the stage whose form is open; -1: the basic data
  const [side, setSide] = useState<"both" | "form" | "yaml">("both");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [theirs, setTheirs] = useState<Stored>();
  const [saved, setSaved] = useState(false);
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const unsaved = (made || text !== first) && !saved;
  useBlocker({ shouldBlockFn: () => unsaved && !window.confirm(`${t("common.unsaved")} ${t("common.leave")}`), enableBeforeUnload: () => unsaved });
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
  const chosen = stages[index]?.name;
  const choose = (stage: string | undefined, of = stages.map((s) => s.name)) => chooseIndex(stage === undefined ? -1 : of.indexOf(stage));
  /** Takes a text in which stages may have changed places, and keeps the same one chosen. */
  const reorder = (next: string, stage: string | undefined) => {
    setText(next);
    const changed = readText(next).doc;
    if (changed) choose(stage, stagesOf(valueAt(changed, ["stages"])).map((s) => s.name));
  };
  const target = name ?? (doc ? textAt(doc, ["name"]) : "");
  const save = async (tag: string | null | undefined) => {
    setBusy(true);
    setError(undefined);
    try {
      const there = tag ? undefined : await stored(target); // a new pipeline must not take the place of another one
      if (there) {
        setTheirs(there);
        return;
      }
      const headers = { "Content-Type": "application/yaml", ...(tag ? { "If-Match": tag } : {}) };
      const result = await send<Pipeline>("PUT", `/api/v1/pipelines/${encodeURIComponent(target)}`, text, headers);
      setSaved(true);
      await client.invalidateQueries({ queryKey: ["pipelines"] });
      void message.success(t("pipelines.saved", { name: result.name }));
      await navigate({ to: "/pipelines/$name", params: { name: result.name }, ignoreBlocker: true });
    } catch (e) {
      const now = e instanceof Problem && e.status === 412 ? await stored(target) : undefined;
      if (now) setTheirs(now);
      else setError(e);
    } finally {
      setBusy(false);
    }
  };
  const settle = (source: string, tag: string | null) => {
    setMatch(tag);
    setTheirs(undefined);
    setText(source);
  };
  const add = (of: string, where: Side) => {
    const stage = freeName(stages.map((s) => s.name), "deploy");
    reorder(addStage(text, newStage(stage, target), where, of), stage);
  };
  const bound = { doc, text, onChange: setText, findings };
  return (
    <>
      <div className="row">
        <Button type="primary" loading={busy} disabled={!doc || target === "" || findings.some((f) => f.severity === "error")} onClick={() => void save(match)}>{t("common.save")}</Button>
        <Segmented value={side} onChange={setSide} aria-label={t("pipelines.form")} options={[{ value: "both", label: `${t("pipelines.form")} + YAML` }, { value: "form", label: t("pipelines.form") }, { value: "yaml", label: "YAML" }]} />
        <span className="dim">{t("pipelines.fromText")}</span>
      </div>
      <ProblemAlert error={error} />
      {theirs && (
        <Conflict theirs={theirs.source} yours={text} taken={name === undefined}
          onKeepMine={() => { settle(text, theirs.etag); void save(theirs.etag); }}
          onTakeTheirs={() => settle(theirs.source, theirs.etag)} />
      )}
      <Canvas name={target || "pipeline"} stages={stages} findings={findings} chosen={chosen} onChoose={choose} disabled={!doc}
        onAdd={add} onAppend={() => add(stages.at(-1)?.name ?? "", "after")} onMove={(id, where, of) => reorder(moveStage(text, id, where, of), chosen)} onShift={(id, by) => reorder(shiftStage(text, id, by), chosen)} />
      <div className={side === "both" ? "split" : undefined}>
        {side !== "yaml" && (
          <div>
            {!doc && <ProblemAlert error={new Error(`${t("pipelines.notReadable")} ${read.error?.line ? t("common.line", { line: read.error.line }) : ""} ${read.error?.message ?? ""}`)} />}
            {doc && chosen === undefined && <BasicsForm {...bound} doc={doc} fixedName={name !== undefined} />}
            {doc && chosen !== undefined && (
              <StageForm key={index} {...bound} doc={doc} index={index} names={stages.map((s) => s.name)} onAdd={(where) => add(chosen, where)}
                onShift={(by) => reorder(shiftStage(text, chosen, by), chosen)} onRemove={() => reorder(removeStage(text, chosen), undefined)} />
            )}
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

const newStage = (name: string, pipeline: string) => ({ name, type: "template-deploy", deploy: { tool: "aos", stack: pipeline || "stack" }, timeout: "1h" });

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
