import { Tag, Tooltip } from "antd";
import { useEffect, useState } from "react";
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
  return reason ? <Tooltip title={reason}>{tag}</Tooltip> : tag;
}

/** The time, again and again, for what counts on. */
export function useNow(every = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function Ago({ time }: { time: string | undefined }) {
  const text = useText();
  const now = useNow(10_000);
  if (!time) return <>–</>;
  return (
    <Tooltip title={text.time(time)}>
      <time dateTime={time}>{text.ago(time, now)}</time>
    </Tooltip>
  );
}

export function Took({ from, to }: { from?: string; to?: string }) {
  const { duration } = useText();
  const now = useNow();
  return <>{duration(from, to, now)}</>;
}
