// The log of a run as a window on it: lines in one piece, with the way to those before and behind. Nothing here knows React.
import { api, need, type Noun } from "../api/client";

export type Line = Noun<"LogLine">;

interface Query {
  order?: "asc" | "desc";
  after?: number;
  before?: number;
}

/** Where a log comes from. read gives a page, in the order that is asked for, and whether there is more; follow gives what comes. */
export interface LogSource {
  read: (query: Query) => Promise<{ lines: Line[]; more: boolean }>;
  follow: (after: number, heard: { line: (line: Line) => void; end: () => void }) => () => void;
}

/** The state of a window. Another object tells of a change: lines is one list that grows in place. */
export interface LogState {
  lines: readonly Line[];
  /** How many lines there are. */
  count: number;
  /** How many lines came before those that the window began with, less those that were let go: what a reader's place moves by. */
  shift: number;
  /** There are lines before these, or behind them that are not followed. */
  older: boolean;
  newer: boolean;
  loading: boolean;
  error?: unknown;
}

const tellEvery = 150; // milliseconds: lines come together in batches, so that a flood of them costs few drawings
const most = 50_000; // lines that are kept while a log is followed; those before can be read again

/** A place in a log: its ends, or the line of that number. */
export type LogPlace = "start" | "end" | number;

export class LogFeed {
  private lines: Line[] = [];
  private state: LogState = { lines: this.lines, count: 0, shift: 0, older: false, newer: false, loading: true };
  private heard = new Set<() => void>();
  private stopFollowing: (() => void) | undefined;
  private turn = 0; // an answer to an earlier question than the last one is of no use

  constructor(private readonly source: LogSource, private readonly keep = most) {}

  readonly now = (): LogState => this.state;

  /** Looks at the end of the log for as long as somebody listens. */
  readonly listen = (tell: () => void): (() => void) => {
    this.heard.add(tell);
    if (this.heard.size === 1) void this.go("end");
    return () => {
      this.heard.delete(tell);
      if (this.heard.size === 0) this.quiet();
    };
  };

  /** Moves the window to another place. */
  readonly go = async (place: LogPlace) => {
    this.quiet();
    await this.ask(async (mine) => {
      const before = place === "start" ? undefined : await this.source.read(place === "end" ? { order: "desc" } : { order: "desc", before: place });
      const behind = place === "end" ? undefined : await this.source.read({ order: "asc", after: place === "start" ? 0 : place - 1 });
      if (mine !== this.turn) return;
      this.lines = [...(before?.lines.toReversed() ?? []), ...(behind?.lines ?? [])];
      this.put({ shift: 0, older: before?.more ?? false, newer: behind?.more ?? false });
      if (!this.state.newer) this.follow();
    });
  };

  readonly readOlder = async () => {
    const first = this.lines[0];
    if (!first || !this.state.older || this.state.loading) return;
    await this.ask(async (mine) => {
      const page = await this.source.read({ order: "desc", before: first.seq });
      if (mine !== this.turn) return;
      this.lines = [...page.lines.toReversed(), ...this.lines];
      this.put({ shift: this.state.shift + page.lines.length, older: page.more });
    });
  };

  readonly readNewer = async () => {
    const last = this.lines.at(-1);
    if (!last || !this.state.newer || this.state.loading) return;
    await this.ask(async (mine) => {
      const page = await this.source.read({ order: "asc", after: last.seq });
      if (mine !== this.turn) return;
      this.lines.push(...page.lines);
      this.put({ newer: page.more });
      if (!page.more) this.follow();
    });
  };

  private async ask(what: (mine: number) => Promise<void>) {
    const mine = ++this.turn;
    this.put({ loading: true, error: undefined });
    try {
      await what(mine);
    } catch (error) {
      if (mine === this.turn) this.put({ error });
    }
    if (mine === this.turn) this.put({ loading: false });
  }

  private follow() {
    let seen = this.lines.at(-1)?.seq ?? 0;
    let news = false;
    const look = () => {
      if (!news) return;
      news = false;
      const surplus = this.lines.length > this.keep ? this.lines.length - Math.floor(this.keep * 0.8) : 0;
      if (surplus > 0) this.lines.splice(0, surplus);
      this.put(surplus > 0 ? { shift: this.state.shift - surplus, older: true } : {});
    };
    const stop = this.source.follow(seen, {
      line: (line) => {
        if (line.seq <= seen) return; // told again after a broken connection
        seen = line.seq;
        this.lines.push(line);
        news = true;
      },
      end: () => {
        look();
        this.quiet();
      },
    });
    const timer = setInterval(look, tellEvery);
    this.stopFollowing = () => {
      clearInterval(timer);
      stop();
    };
  }

  private quiet() {
    this.turn++;
    this.stopFollowing?.();
    this.stopFollowing = undefined;
  }

  private put(change: Partial<LogState>) {
    this.state = { ...this.state, ...change, lines: this.lines, count: this.lines.length };
    for (const tell of this.heard) tell();
  }
}

/** The log of a run, or of one stage of it, on the server. */
export function runLog(id: string, stage: string | undefined): LogSource {
  return {
    read: async (query) => {
      const list = (await need(api.GET("/api/v1/runs/{id}/logs", { params: { path: { id }, query: { ...query, stage, limit: 500 } } }))) as Noun<"ListLogLine">;
      return { lines: list.items, more: list.next !== undefined };
    },
    follow: (after, heard) => {
      const query = new URLSearchParams({ follow: "true", after: String(after), ...(stage === undefined ? {} : { stage }) });
      const events = new EventSource(`/api/v1/runs/${encodeURIComponent(id)}/logs?${query}`);
      events.addEventListener("line", (message) => heard.line(JSON.parse(message.data as string) as Line));
      events.addEventListener("end", heard.end);
      return () => events.close();
    },
  };
}

/** The address from which the whole log comes as a file. */
export const logFile = (id: string, stage: string | undefined) => `/api/v1/runs/${encodeURIComponent(id)}/log.txt${stage === undefined ? "" : `?stage=${encodeURIComponent(stage)}`}`;
