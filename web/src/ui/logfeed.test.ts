import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogFeed, type Line, type LogSource } from "./logfeed";

const line = (seq: number): Line => ({ seq, time: "2026-01-01T00:00:00Z", level: "info", text: `line ${seq}` });
const size = 5;

/** A log of the lines 1 to count, read in pages of five, with a stream to write to. */
function logOf(count: number) {
  const all = Array.from({ length: count }, (_, i) => line(i + 1));
  const streams: { after: number; open: boolean; write: (l: Line) => void; end: () => void }[] = [];
  const source: LogSource = {
    read: ({ order, after = 0, before = Infinity }) => {
      const some = all.filter((l) => l.seq > after && l.seq < before);
      if (order === "desc") some.reverse();
      return Promise.resolve({ lines: some.slice(0, size), more: some.length > size });
    },
    follow: (after, heard) => {
      const stream = { after, open: true, write: heard.line, end: heard.end };
      streams.push(stream);
      return () => (stream.open = false);
    },
  };
  return { source, streams };
}

const seqs = (feed: LogFeed) => feed.now().lines.map((l) => l.seq);

describe("the window on a log", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const settled = () => vi.advanceTimersByTimeAsync(200);

  it("begins with the end, and reads what is before it", async () => {
    const { source, streams } = logOf(12);
    const feed = new LogFeed(source);
    const stop = feed.listen(() => undefined);
    await settled();
    expect(seqs(feed)).toEqual([8, 9, 10, 11, 12]);
    expect(streams).toMatchObject([{ after: 12, open: true }]);
    await feed.readOlder();
    expect(seqs(feed)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(feed.now()).toMatchObject({ shift: 5, older: true, count: 10 });
    await feed.readOlder();
    await feed.readOlder();
    expect(seqs(feed)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(feed.now().older).toBe(false);
    stop();
    expect(streams[0]?.open).toBe(false);
  });

  it("takes each line of a flood once, tells of many at a time, and keeps no more than it may", async () => {
    const { source, streams } = logOf(3);
    const feed = new LogFeed(source, 1000);
    const tell = vi.fn();
    feed.listen(tell);
    await settled();
    tell.mockClear();
    for (let i = 4; i <= 5000; i++) streams[0]?.write(line(i));
    for (let i = 4900; i <= 5000; i++) streams[0]?.write(line(i)); // told again after a broken connection
    await settled();
    expect(tell.mock.calls.length).toBeLessThanOrEqual(2);
    expect(feed.now()).toMatchObject({ count: 800, older: true, shift: -4200 });
    expect(seqs(feed)).toEqual(Array.from({ length: 800 }, (_, i) => 4201 + i));
    streams[0]?.write(line(5001));
    streams[0]?.end();
    expect(seqs(feed).at(-1)).toBe(5001);
    expect(streams[0]?.open).toBe(false);
  });

  it("goes to the beginning, reads on, and follows again from the end", async () => {
    const { source, streams } = logOf(12);
    const feed = new LogFeed(source);
    feed.listen(() => undefined);
    await settled();
    await feed.go("start");
    expect(seqs(feed)).toEqual([1, 2, 3, 4, 5]);
    expect(feed.now()).toMatchObject({ older: false, newer: true });
    expect(streams.map((s) => s.open)).toEqual([false]);
    await feed.readNewer();
    await feed.readNewer();
    expect(seqs(feed)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(streams.map((s) => [s.after, s.open])).toEqual([[12, false], [12, true]]);
  });

  it("shows what is around a line", async () => {
    const { source } = logOf(30);
    const feed = new LogFeed(source);
    feed.listen(() => undefined);
    await settled();
    await feed.go(15);
    expect(seqs(feed)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(feed.now()).toMatchObject({ older: true, newer: true });
  });

  it("drops an answer that comes after another question, and tells of an error", async () => {
    const { source } = logOf(12);
    const feed = new LogFeed(source);
    feed.listen(() => undefined);
    await settled();
    const late = feed.go("start");
    await Promise.all([feed.go("end"), late]);
    expect(seqs(feed)).toEqual([8, 9, 10, 11, 12]);
    source.read = () => Promise.reject(new Error("gone"));
    await feed.readOlder();
    expect(feed.now()).toMatchObject({ error: new Error("gone"), loading: false, count: 5 });
  });
});
