// A log that goes on: lines arrive over a stream, only those in sight are drawn.
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
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

/** The lines of a log. The list grows in place: a flood of lines must not copy what is there again and again; count tells of a change. */
export interface Lines {
  lines: readonly Line[];
  count: number;
  ended: boolean;
}

const tellEvery = 150; // milliseconds: lines come together in batches, so that a flood of them costs few drawings

/** Follows the log of a run while somebody looks at it. */
export class LogFeed {
  private readonly lines: Line[] = [];
  private state: Lines = { lines: this.lines, count: 0, ended: false };

  constructor(private readonly address: string) {}

  readonly now = (): Lines => this.state;

  readonly follow = (tell: () => void): (() => void) => {
    this.lines.length = 0;
    this.state = { lines: this.lines, count: 0, ended: false };
    const source = new EventSource(this.address);
    const look = (ended: boolean) => {
      if (this.state.count === this.lines.length && this.state.ended === ended) return;
      this.state = { lines: this.lines, count: this.lines.length, ended };
      tell();
    };
    const timer = setInterval(() => look(false), tellEvery);
    const stop = () => {
      clearInterval(timer);
      source.close();
    };
    let seen = 0;
    source.addEventListener("line", (message) => {
      const line = JSON.parse(message.data as string) as Line;
      if (line.seq <= seen) return; // told again after a broken connection
      seen = line.seq;
      this.lines.push(line);
    });
    source.addEventListener("end", () => {
      stop();
      look(true);
    });
    return stop;
  };
}

export function useRunLog(run: string, stage: string | undefined): Lines {
  const feed = useMemo(() => new LogFeed(`/api/v1/runs/${encodeURIComponent(run)}/logs?follow=true${stage === undefined ? "" : `&stage=${encodeURIComponent(stage)}`}`), [run, stage]);
  return useSyncExternalStore(feed.follow, feed.now);
}

/** Finds the lines with a word, looking at each line once while the log grows. */
export function useMatches(lines: readonly Line[], count: number, word: string): readonly Line[] {
  const [found] = useState<{ word: string; upTo: number; lines: Line[] }>(() => ({ word: "", upTo: 0, lines: [] }));
  return useMemo(() => searchOn(found, lines, count, word), [found, lines, count, word]);
}

/** Goes on with a search where it stopped; another word, or a list that began anew, begins from the first line. */
export function searchOn(found: { word: string; upTo: number; lines: Line[] }, lines: readonly Line[], count: number, word: string): readonly Line[] {
  if (word === "") return lines;
  if (found.word !== word || found.upTo > count) Object.assign(found, { word, upTo: 0, lines: [] });
  for (let i = found.upTo; i < count; i++) {
    const line = lines[i];
    if (line?.text.toLowerCase().includes(word)) found.lines.push(line);
  }
  found.upTo = count;
  return found.lines;
}

export function LogView({ lines, count, name, showStage }: { lines: readonly Line[]; count: number; name: string; showStage: boolean }) {
  const { t, clock } = useText();
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const [view, setView] = useState({ top: 0, height: 440 });
  const place = useRef<HTMLDivElement>(null);
  const wanted = search.toLowerCase();
  const shown = useMatches(lines, count, wanted);
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
            <div key={line.seq} className={`log-line ${line.level} ${line.stream ?? ""}`} style={{ top: (from + i) * lineHeight }}>
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
