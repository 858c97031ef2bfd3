import { useMemo, useSyncExternalStore } from "react";
import { Tag, Tooltip } from "antd";
import { useText } from "../i18n";

type Tone = "success" | "error" | "warning" | "processing" | "default";

const tones: Record<string, Tone> = {
  succeeded: "success", healthy: "success", made: "success", delivered: "success",
  running: "processing", processing: "processing", applying: "processing", progressing: "processing", planned: "processing", deleting: "processing",
  failed: "error", abnormal: "error", unhealthy: "error", "timed-out": "error",
  waiting: "warning", held: "warning", ignored: "warning",
};

/** The tone of a state. A stack that is "running" is well, which is the caller's to say. */
export const toneOf = (state: string): Tone => tones[state] ?? "default";

export function StateTag({ state, reason, good }: { state: string; reason?: string; good?: boolean }) {
  const text = useText();
  const tag = <Tag color={good ? "success" : toneOf(state)}>{text.state(state)}</Tag>;
  return reason ? <Tooltip title={text.said(reason)}>{tag}</Tooltip> : tag;
}

interface Clock {
  now: number;
  heard: Set<() => void>;
  timer?: ReturnType<typeof setInterval>;
}

const clocks = new Map<number, Clock>();

function clockOf(every: number): Clock {
  const present = clocks.get(every);
  if (present) return present;
  const fresh: Clock = { now: Date.now(), heard: new Set() };
  clocks.set(every, fresh);
  return fresh;
}

/** The time, again and again, for what counts on. One clock serves all rows of a page, so that they are drawn together. */
export function useNow(every = 1000): number {
  const [clock, hear] = useMemo(() => {
    const clock = clockOf(every);
    return [clock, (tell: () => void) => {
      if (clock.heard.size === 0) clock.now = Date.now(); // it stood still while nobody looked
      clock.heard.add(tell);
      clock.timer ??= setInterval(() => {
        clock.now = Date.now();
        for (const each of clock.heard) each();
      }, every);
      return () => {
        clock.heard.delete(tell);
        if (clock.heard.size > 0) return;
        clearInterval(clock.timer);
        clock.timer = undefined;
      };
    }];
  }, [every]);
  return useSyncExternalStore(hear, () => clock.now);
}

const beat = 10_000;

export function Ago({ time }: { time: string | undefined }) {
  const text = useText();
  const now = useNow(beat);
  if (!time) return <>–</>;
  const ahead = Date.parse(time) - now; // what is newer than the clock's last beat is of now, not of the future
  // A title of the browser: a list has hundreds of these.
  return <time dateTime={time} title={text.time(time)}>{text.ago(time, ahead > 0 && ahead < beat ? now + ahead : now)}</time>;
}

export function Took({ from, to }: { from?: string; to?: string }) {
  const { duration } = useText();
  return from === undefined || to !== undefined ? <>{duration(from, to)}</> : <Counting from={from} />;
}

function Counting({ from }: { from: string }) {
  const { duration } = useText();
  return <>{duration(from, undefined, useNow())}</>;
}
