// A log that goes on: its end at first, what comes before as one scrolls up, and only the lines in sight are drawn.
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Button, Checkbox, Input } from "antd";
import { useInfiniteQuery } from "@tanstack/react-query";
import { foundLines } from "../api/queries";
import { useText } from "../i18n";
import { LogFeed, logFile, runLog, type Line, type LogPlace } from "./logfeed";
import { ProblemAlert } from "./problem";

export const lineHeight = 20;

/** The part of a list that a window of the given place and height shows, with some lines around it. */
export function inSight(count: number, top: number, height: number, around = 20): [from: number, to: number] {
  const from = Math.max(0, Math.floor(top / lineHeight) - around);
  return [Math.min(from, count), Math.min(count, Math.ceil((top + height) / lineHeight) + around)];
}

interface LogProps {
  run: string;
  stage: string | undefined;
}

export function LogView({ run, stage }: LogProps) {
  const { t, number } = useText();
  const feed = useMemo(() => new LogFeed(runLog(run, stage)), [run, stage]);
  const log = useSyncExternalStore(feed.listen, feed.now);
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  const [mark, setMark] = useState<number>();
  const wanted = useSettled(search.trim());
  const go = (place: LogPlace) => {
    setSearch("");
    setFollow(place === "end");
    setMark(typeof place === "number" ? place : undefined);
    void feed.go(place);
  };
  const found = useInfiniteQuery({ ...foundLines(run, stage, wanted), enabled: wanted !== "" });
  const matches = useMemo(() => found.data?.pages.flatMap((p) => p.items) ?? [], [found.data]);
  const { hasNextPage, isFetching, fetchNextPage } = found;
  useEffect(() => {
    // A page may hold few lines or none and have a next all the same: the server looks at so many lines for each.
    if (hasNextPage && !isFetching && matches.length < 500) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage, matches.length]);
  const count = wanted === "" ? log.count : matches.length;
  return (
    <>
      <div className="filters">
        <Input.Search allowClear value={search} maxLength={200} placeholder={t("runs.searchLog")} aria-label={t("runs.searchLog")} loading={wanted !== "" && isFetching} onChange={(e) => setSearch(e.target.value)} />
        <Button onClick={() => go("start")}>{t("runs.logStart")}</Button>
        <Checkbox checked={follow} onChange={(e) => (e.target.checked ? go("end") : setFollow(false))}>{t("runs.follow")}</Checkbox>
        <Button href={logFile(run, stage)} download>{t("common.download")}</Button>
        <span className="dim">{t((wanted === "" ? log.older || log.newer : hasNextPage) ? "runs.linesAndMore" : "runs.lines", { count: number(count) })}</span>
      </div>
      <ProblemAlert error={wanted === "" ? log.error : found.error} />
      {wanted === "" ? (
        <Lines key="log" lines={log.lines} count={log.count} shift={log.shift} follow={follow && !log.newer} onLeave={() => setFollow(false)} mark={mark} showStage={stage === undefined} empty={log.loading ? t("common.loading") : t("runs.noLog")} onTop={() => void feed.readOlder()} onBottom={() => void feed.readNewer()} />
      ) : (
        <Lines key={wanted} lines={matches} count={matches.length} showStage={stage === undefined} word={wanted.toLowerCase()} empty={isFetching ? t("common.loading") : t("runs.noMatch")} onBottom={() => hasNextPage && !isFetching && void fetchNextPage()} onChoose={(line) => go(line.seq)} />
      )}
    </>
  );
}

/** What somebody types, once they pause. */
function useSettled(text: string, ms = 300): string {
  const [settled, settle] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => settle(text), text === "" ? 0 : ms);
    return () => clearTimeout(timer);
  }, [text, ms]);
  return text === "" ? "" : settled;
}

interface LinesProps {
  lines: readonly Line[];
  count: number;
  shift?: number;
  follow?: boolean;
  onLeave?: () => void;
  onTop?: () => void;
  onBottom?: () => void;
  onChoose?: (line: Line) => void;
  mark?: number;
  word?: string;
  showStage: boolean;
  empty: string;
}

function Lines({ lines, count, shift = 0, follow = false, onLeave, onTop, onBottom, onChoose, mark, word = "", showStage, empty }: LinesProps) {
  const { t, clock, said } = useText();
  const [view, setView] = useState({ top: 0, height: 440 });
  const place = useRef<HTMLDivElement>(null);
  const shifted = useRef(shift);
  useLayoutEffect(() => {
    const box = place.current;
    if (!box) return;
    if (follow) box.scrollTop = box.scrollHeight;
    else if (shift !== shifted.current) box.scrollTop += (shift - shifted.current) * lineHeight; // what was in sight stays in sight
    shifted.current = shift;
  }, [follow, count, shift]);
  const marked = mark === undefined ? -1 : lines.findIndex((l) => l.seq === mark);
  useLayoutEffect(() => {
    // Once, when the line is there: lines that come before it later move it by themselves.
    if (marked >= 0 && place.current) place.current.scrollTop = Math.max(0, marked * lineHeight - place.current.clientHeight / 2);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [mark, marked >= 0]);
  const [from, to] = inSight(count, view.top, view.height);
  return (
    <div
      ref={place}
      className="log"
      role="log"
      aria-label={t("runs.log")}
      tabIndex={0}
      onScroll={(e) => {
        const { scrollTop, clientHeight, scrollHeight } = e.currentTarget;
        setView({ top: scrollTop, height: clientHeight });
        if (follow && scrollTop + clientHeight < scrollHeight - 2 * lineHeight) onLeave?.();
        if (scrollTop < 10 * lineHeight) onTop?.();
        if (scrollTop + clientHeight > scrollHeight - 10 * lineHeight) onBottom?.();
      }}
    >
      {count === 0 && <p className="log-line dim">{empty}</p>}
      <div style={{ height: count * lineHeight }}>
        {lines.slice(from, to).map((line, i) => (
          <div key={line.seq} className={`log-line ${line.level} ${line.stream ?? ""}${line.seq === mark ? " chosen" : ""}`} style={{ top: (from + i) * lineHeight }}>
            {onChoose ? <button type="button" className="dim" title={t("runs.showAround")} aria-label={`${t("runs.showAround")} ${clock(line.time)}`} onClick={() => onChoose(line)}>{clock(line.time)}</button> : <span className="dim">{clock(line.time)}</span>}
            {showStage && line.stage && <span className="dim">[{line.stage}]</span>}
            <span><Marked text={line.stream ? line.text : said(line.text)} word={word} /></span>
          </div>
        ))}
      </div>
    </div>
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
