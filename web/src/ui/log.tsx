// A log that goes on: lines arrive over a stream, only those in sight are drawn.
import { useEffect, useMemo, useRef, useState } from "react";
import { Button, Checkbox, Input } from "antd";
import type { Noun } from "../api/client";
import { useText } from "../i18n";
import { save } from "../picture/svg";

export type Line = Noun<"LogLine">;

export const lineHeight = 20;

/** The part of a list that a window of the given place and height shows, with some lines around it. */
export function inSight(count: number, top: number, height: number, around = 20): [from: number, to: number] {
  const from = Math.max(0, Math.floor(top / lineHeight) - around);
  return [Math.min(from, count), Math.min(count, Math.ceil((top + height) / lineHeight) + around)];
}

/** Follows the log of a run, for a component that is made anew for another run or stage; lines come together in batches, so that a flood of them costs few drawings. */
export function useRunLog(run: string, stage: string | undefined): { lines: Line[]; ended: boolean } {
  const [state, setState] = useState<{ lines: Line[]; ended: boolean }>({ lines: [], ended: false });
  useEffect(() => {
    const query = stage === undefined ? "" : `&stage=${encodeURIComponent(stage)}`;
    const source = new EventSource(`/api/v1/runs/${encodeURIComponent(run)}/logs?follow=true${query}`);
    let batch: Line[] = [];
    let seen = 0;
    const timer = setInterval(() => {
      if (batch.length === 0) return;
      const news = batch;
      batch = [];
      setState((s) => ({ ...s, lines: s.lines.concat(news) }));
    }, 150);
    source.addEventListener("line", (message) => {
      const line = JSON.parse(message.data as string) as Line;
      if (line.seq <= seen) return; // told again after a broken connection
      seen = line.seq;
      batch.push(line);
    });
    source.addEventListener("end", () => {
      source.close();
      setState((s) => ({ ...s, ended: true }));
    });
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [run, stage]);
  return state;
}

export function LogView({ lines, name, showStage }: { lines: readonly Line[]; name: string; showStage: boolean }) {
  const { t, clock } = useText();
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const [view, setView] = useState({ top: 0, height: 440 });
  const place = useRef<HTMLDivElement>(null);
  const wanted = search.toLowerCase();
  const shown = useMemo(() => (wanted === "" ? lines : lines.filter((l) => l.text.toLowerCase().includes(wanted))), [lines, wanted]);
  useEffect(() => {
    if (follow && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [follow, shown.length]);
  const [from, to] = inSight(shown.length, view.top, view.height);
  const download = () => {
    const text = lines.map((l) => `${l.time} ${l.stage ?? ""} ${l.level} ${l.text}\n`).join("");
    save(`${name}.log`, new Blob([text], { type: "text/plain" }));
  };
  return (
    <>
      <div className="filters">
        <Input.Search allowClear placeholder={t("runs.searchLog")} aria-label={t("runs.searchLog")} onChange={(e) => setSearch(e.target.value)} />
        <Checkbox checked={follow} onChange={(e) => setFollow(e.target.checked)}>{t("runs.follow")}</Checkbox>
        <Button onClick={download}>{t("common.download")}</Button>
        <span className="dim">{t("runs.lines", { count: shown.length })}</span>
      </div>
      <div
        ref={place}
        className="log"
        role="log"
        aria-label={t("runs.log")}
        tabIndex={0}
        onScroll={(e) => {
          const { scrollTop, clientHeight, scrollHeight } = e.currentTarget;
          setView({ top: scrollTop, height: clientHeight });
          if (follow && scrollTop + clientHeight < scrollHeight - 2 * lineHeight) setFollow(false);
        }}
      >
        {shown.length === 0 && <p className="log-line dim">{t("runs.noLog")}</p>}
        <div style={{ height: shown.length * lineHeight }}>
          {shown.slice(from, to).map((line, i) => (
            <div key={line.seq} className={`log-line ${line.level}`} style={{ top: (from + i) * lineHeight }}>
              <span className="dim">{clock(line.time)}</span>
              {showStage && line.stage && <span className="dim">[{line.stage}]</span>}
              <span><Marked text={line.text} word={wanted} /></span>
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

function Marked({ text, word }: { text: string; word: string }) {
  const at = word === "" ? -1 : text.toLowerCase().indexOf(word);
  if (at < 0) return <>{text}</>;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + word.length)}</mark>
      {text.slice(at + word.length)}
    </>
  );
}
