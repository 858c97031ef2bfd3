// The lines that differ between two texts.
export interface DiffLine {
  kind: "same" | "add" | "del";
  text: string;
}

/** Compares by lines with the longest common subsequence; very long texts are compared from both ends only. */
export function diffLines(before: string, after: string, most = 4_000_000): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const x = a.slice(head, a.length - tail);
  const y = b.slice(head, b.length - tail);
  const same = (lines: string[]): DiffLine[] => lines.map((text) => ({ kind: "same", text }));
  return [...same(a.slice(0, head)), ...(x.length * y.length > most ? coarse(x, y) : fine(x, y)), ...same(a.slice(a.length - tail))];
}

const coarse = (x: string[], y: string[]): DiffLine[] => [
  ...x.map((text): DiffLine => ({ kind: "del", text })),
  ...y.map((text): DiffLine => ({ kind: "add", text })),
];

function fine(x: string[], y: string[]): DiffLine[] {
  const width = y.length + 1;
  const common = new Uint32Array((x.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      common[i * width + j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      out.push({ kind: "same", text: x[i] ?? "" });
      i++;
      j++;
    } else if (j >= y.length || (i < x.length && at(i + 1, j) >= at(i, j + 1))) {
      out.push({ kind: "del", text: x[i++] ?? "" });
    } else {
      out.push({ kind: "add", text: y[j++] ?? "" });
    }
  }
  return out;
}
