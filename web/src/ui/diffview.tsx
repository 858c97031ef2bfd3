import { useMemo } from "react";
import { diffLines } from "./textdiff";

/** Two texts as one, with what differs marked. */
export function DiffView({ before, after, label, height }: { before: string; after: string; label: string; height?: number }) {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  return (
    <div className="text-diff" tabIndex={0} role="region" aria-label={label} style={height ? { maxHeight: height } : undefined}>
      {lines.map((l, i) => <div key={i} className={l.kind}>{l.kind === "add" ? "+" : l.kind === "del" ? "-" : " "} {l.text}</div>)}
    </div>
  );
}
