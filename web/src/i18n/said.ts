// What the server says is English; here it is said in Chinese, by the catalogue that the server itself uses where it writes to
// people. This is internal/words/words.go in TypeScript, and both are tested with the same sentences.

/** The catalogue: formats of the server's source, with %s and its kin for what differs, and words that may stand in holes. */
export interface Catalogue {
  sentences: Record<string, string>;
  others: Record<string, string>;
  words: Record<string, string>;
}

/** One sentence of the catalogue: literals with holes between them. */
interface Pattern {
  lits: string[];
  verbs: string[];
  nums: number[];
  said: string;
  weight: number;
  rank: number;
}

/** A translation, and what it costs: that words stay English, and a little that a sentence of few letters was taken for one. */
interface Found {
  said: string;
  cost: number;
  ok: boolean;
}

const longest = 2000;
const maxParts = 12;
const costOfWord = 10;
const costOfLittle = 1;
const fewLetters = 8;
const someLetters = 6;
const mostSteps = 20_000;
const costOfSentence = 50;

const verbs = /%[-+#0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z%]/g;
const marks = /\{([0-9]+)(:word)?\}/g;
const wordOfProse = /^["(]?[a-z]{2,}["),.;:]?$/;
const whole = /^(-?[0-9]+|%0[0-9]d)$/;
const han = /^\p{Script=Han}$/u;
const letter = /\p{L}/gu;

/** Makes the function that translates texts. It remembers what it was asked lately, for pages are drawn again and again. */
export function sayer(c: Catalogue): (text: string) => string {
  const book = new Book(c);
  let told = new Map<string, string>();
  return (text) => {
    if (text.length > longest) return text;
    const known = told.get(text);
    if (known !== undefined) return known;
    if (told.size >= 20_000) told = new Map();
    const said = text.split("\n").map((line) => new Reading(book).line(line).said).join("\n");
    told.set(text, said);
    return said;
  };
}

class Book {
  readonly words: Map<string, string>;
  /** The patterns by the longest of their words between blanks, "" when there is none. */
  readonly byToken = new Map<string, Pattern[]>();
  /** Those that are put behind another sentence and say something themselves. */
  readonly behind: Pattern[];

  constructor(c: Catalogue) {
    this.words = new Map(Object.entries(c.words));
    const all = [...Object.entries(c.sentences), ...Object.entries(c.others)].map(([format, said]) => ({ format, p: pattern(format, said) }));
    all.sort((x, y) => weightier(x.p, y.p));
    this.behind = all.filter(({ format, p }) => isBehind(format) && (format.startsWith(",") || p.weight >= someLetters)).map(({ p }) => p);
    for (const [rank, { p }] of all.entries()) {
      p.rank = rank;
      const key = token(p);
      const list = this.byToken.get(key);
      if (list) list.push(p);
      else this.byToken.set(key, [p]);
    }
  }

  /** The patterns that a text may have, those first that say most. */
  candidates(text: string): Pattern[] {
    const list = [...(this.byToken.get("") ?? [])];
    for (const word of new Set(text.split(" "))) if (word !== "") list.push(...(this.byToken.get(word) ?? []));
    return list.sort((x, y) => x.rank - y.rank);
  }
}

/** The longest word that stands between blanks in every text of a pattern. */
function token(p: Pattern): string {
  let longest = "";
  for (const [i, lit] of p.lits.entries()) {
    const words = lit.split(" ");
    for (const [n, word] of words.entries()) {
      if ((n > 0 || i === 0) && (n < words.length - 1 || i === p.lits.length - 1) && word.length > longest.length) longest = word;
    }
  }
  return longest;
}

const isBehind = (format: string): boolean => format.startsWith(" ") || format.startsWith(", ");

function weightier(x: Pattern, y: Pattern): number {
  const [a, b] = [x.lits.join("%"), y.lits.join("%")];
  return y.weight - x.weight || b.length - a.length || (a < b ? -1 : 1);
}

/** Reads a format. What begins with a blank or comma stands behind another sentence, what ends with a blank before one: hole 0. */
function pattern(format: string, said: string): Pattern {
  const p: Pattern = { lits: [""], verbs: [], nums: [], said, weight: 0, rank: 0 };
  const hole = (verb: string, num: number) => {
    if (p.lits.length > 1 && p.lits.at(-1) === "") return; // holes side by side are one
    p.lits.push("");
    p.verbs.push(verb);
    p.nums.push(num);
  };
  const literal = (text: string) => p.lits.push((p.lits.pop() ?? "") + text);
  if (isBehind(format)) {
    hole("s", 0);
    p.said = `{0:word}${said}`;
  }
  let at = 0;
  let num = 0;
  for (const v of format.matchAll(verbs)) {
    literal(format.slice(at, v.index));
    at = v.index + v[0].length;
    if (v[0].endsWith("%")) literal("%");
    else hole(v[0].slice(-1), ++num);
  }
  literal(format.slice(at));
  if (format.endsWith(" ")) {
    hole("s", 0);
    p.said = `${said}{0}`;
  }
  p.weight = p.lits.join("").match(letter)?.length ?? 0;
  return p;
}

/** The translation of one text. It remembers what it found, for parts are looked at from several sides. */
class Reading {
  private readonly lines = new Map<string, Found>();
  private readonly sentences = new Map<string, Found>();

  /** How many more steps may be taken: texts that are no sentences cost a bounded time. */
  private steps = mostSteps;

  constructor(private readonly book: Book) {}

  line(text: string): Found {
    const word = this.book.words.get(text);
    if (word !== undefined) return { said: word, cost: 0, ok: true };
    const known = this.lines.get(text);
    if (known) return known;
    let f = this.parts(text);
    if (!f.ok) f = this.match(text, true);
    this.lines.set(text, f);
    return f;
  }

  /** As one sentence, or its beginning as one and then the rest: in the way that costs least. */
  private parts(text: string): Found {
    let best = this.sentence(text);
    const ends = breaks(text, ["; ", ": "]);
    for (let i = Math.min(ends.length, maxParts) - 1; i >= 0 && (!best.ok || best.cost > 0); i--) {
      const end = ends[i] ?? 0;
      const head = this.sentence(text.slice(0, end));
      if (!head.ok && i > 0) continue;
      const rest = this.line(text.slice(end + 2));
      if (head.ok || rest.ok) best = better({ said: head.said + (text[end] === ";" ? "；" : "：") + rest.said, cost: head.cost + rest.cost, ok: true }, best);
    }
    return best;
  }

  private sentence(text: string): Found {
    const known = this.sentences.get(text);
    if (known) return known;
    let best = unknown(text);
    if ((this.steps -= costOfSentence) < 0) return best;
    this.sentences.set(text, best); // until it is known
    best = better(this.match(text, false), best);
    best = better(this.list(text, " or ", "，或"), best);
    best = better(this.list(text, " and ", "，并且"), best);
    best = better(this.list(text, ", ", "，"), best);
    this.sentences.set(text, best);
    return best;
  }

  /** What is joined by something, if each part is a sentence or each is a word. */
  private list(text: string, by: string, joint: string): Found {
    const ends = breaks(text, [by]);
    if (ends.length === 0) return unknown(text);
    const sentences: string[] = [];
    const words: string[] = [];
    let at = 0;
    let cost = 0;
    for (const end of [...ends, text.length]) {
      const part = text.slice(at, end);
      at = end + by.length;
      const word = this.book.words.get(part);
      if (word !== undefined) {
        words.push(word);
        continue;
      }
      const f = this.sentence(part);
      if (!f.ok) continue;
      sentences.push(f.said);
      cost += f.cost;
    }
    if (sentences.length === ends.length + 1) return { said: sentences.join(joint), cost, ok: true };
    if (words.length === ends.length + 1) return { said: words.join(joint), cost: 0, ok: true };
    return unknown(text);
  }

  /** What is one sentence of the catalogue. Further sentences may stand in its holes only if open. */
  private match(text: string, open: boolean): Found {
    const quoted = quotes(text);
    let best = unknown(text);
    for (const p of this.book.behind) {
      // What another sentence was put behind belongs to the end, not into a hole of that one.
      const found = this.holes(p, text, quoted, open);
      if (found && this.known(found[0] ?? "")) best = better(this.fill(p, found), best);
    }
    for (const p of this.book.candidates(text)) {
      if (best.ok && best.cost === 0) break;
      const found = this.holes(p, text, quoted, open);
      if (found) best = better(this.fill(p, found), best);
    }
    return best;
  }

  private known(text: string): boolean {
    return this.book.words.has(text) || this.sentence(text).ok;
  }

  /** What stands in the holes of a pattern if it is that of a text. */
  private holes(p: Pattern, text: string, quoted: readonly boolean[], open: boolean): string[] | undefined {
    const rest = p.lits.length - 1;
    const lit = (i: number) => p.lits[i] ?? "";
    if (!text.startsWith(lit(0))) return undefined;
    if (rest === 0) return text === lit(0) ? [] : undefined;
    if (!text.endsWith(lit(rest))) return undefined;
    const between: string[] = [];
    const from = (i: number, pos: number): boolean => {
      const free = open || p.nums[i - 1] === 0 || (lit(i - 1).endsWith("(") && lit(i).startsWith(")"));
      const fit = (end: number) => fits(p.verbs[i - 1] ?? "", (between[i - 1] = text.slice(pos, end)), free);
      if (i === rest) {
        const end = text.length - lit(i).length;
        if (end === pos && lit(i) === "" && !lit(i - 1).endsWith(" ")) {
          between[i - 1] = ""; // an addition that is not there
          return true;
        }
        return end > pos && !quoted[end] && fit(end);
      }
      for (let at = text.indexOf(lit(i), pos + 1); at >= 0; at = text.indexOf(lit(i), at + 1)) {
        if (--this.steps < 0) return false;
        if (!quoted[at] && fit(at) && from(i + 1, at + lit(i).length)) return true;
      }
      return false;
    };
    return from(1, lit(0).length) ? between : undefined;
  }

  /** Puts what stands in the holes into the translation. A sentence of few letters is none if it is about what is not known. */
  private fill(p: Pattern, found: string[]): Found {
    const said = new Map<string, string>();
    let cost = 0;
    for (const [i, hole] of found.entries()) {
      const num = String(p.nums[i]);
      said.set(num, hole);
      if (p.verbs[i] === "d" || p.verbs[i] === "q" || !hole.includes(" ") || isQuoted(hole)) continue;
      const f = this.line(hole);
      if (p.weight < fewLetters) {
        if (!f.ok && f.cost > 0) return nothing;
        cost += costOfLittle;
      }
      said.set(num, f.said);
      cost += f.cost;
    }
    let out = "";
    let at = 0;
    for (const m of p.said.matchAll(marks)) {
      const value = said.get(m[1] ?? "") ?? "";
      out = glue(glue(out, p.said.slice(at, m.index)), (m[2] && this.book.words.get(value)) || value);
      at = m.index + m[0].length;
    }
    return { said: glue(out, p.said.slice(at)), cost, ok: true };
  }
}

const nothing: Found = { said: "", cost: 0, ok: false };
const better = (f: Found, than: Found): Found => (f.ok && (!than.ok || f.cost < than.cost) ? f : than);
const unknown = (text: string): Found => ({ said: text, cost: costOfWord * prose(text), ok: false });

/** How many words a text has that is not just a name or a time. */
function prose(text: string): number {
  return text.includes(" ") ? text.split(/\s+/).filter((word) => wordOfProse.test(word)).length : 0;
}

/** Whether something can be what a verb prints. */
function fits(verb: string, text: string, open: boolean): boolean {
  if (verb === "d") return whole.test(text);
  if (verb === "q") return text.length > 1 && text.startsWith('"') && text.endsWith('"');
  return open || (!text.endsWith(";") && !text.endsWith(":") && breaks(text, ["; ", ": "]).length === 0);
}

/** Puts two texts together, with a blank between Chinese and other letters and none between Chinese ones. */
function glue(left: string, right: string): string {
  if (left === "" || right === "") return left + right;
  const l = left.endsWith(" ") ? left.slice(0, -1) : left;
  const r = right.startsWith(" ") ? right.slice(1) : right;
  const last = l.slice(-1);
  const first = r.slice(0, 1);
  const latin = (c: string) => c > " " && c <= "~";
  if (wide(first) || wide(last) || (han.test(last) && han.test(first))) return l + r;
  if (l + r === left + right && ((han.test(last) && latin(first)) || (latin(last) && han.test(first)))) return `${left} ${right}`;
  return left + right;
}

/** Whether a character is a punctuation mark of Chinese texts. */
const wide = (c: string): boolean => (c >= "\u3000" && c <= "\u303f") || (c >= "\uff00" && c <= "\uff60");

const isQuoted = (text: string): boolean => text.startsWith('"') && quotes(text).slice(1, -2).every(Boolean);

/** Tells of each place, and the end, whether it stands within quotation marks; these themselves do not. */
function quotes(text: string): boolean[] {
  const inside = new Array<boolean>(text.length + 1).fill(false);
  let open = -1;
  for (let i = 0; i < text.length; i++) {
    if (open < 0) {
      if (text[i] === '"') open = i;
    } else if (text[i] === "\\") {
      i++;
    } else if (text[i] === '"') {
      inside.fill(true, open + 1, i);
      open = -1;
    }
  }
  return inside;
}

/** The places at which one of some separators stands outside of quotation marks and brackets. */
function breaks(text: string, separators: readonly string[]): number[] {
  const places: number[] = [];
  let inside: boolean[] | undefined;
  for (let i = 0; i < text.length; i++) {
    if (!separators.some((s) => text.startsWith(s, i))) continue;
    inside ??= quotes(text);
    if (!inside[i] && !bracketed(text, i)) places.push(i);
  }
  return places;
}

/** Whether a place of a text stands within round brackets that are closed behind it. */
function bracketed(text: string, at: number): boolean {
  const head = text.slice(0, at);
  return head.split("(").length > head.split(")").length && text.includes(")", at);
}
