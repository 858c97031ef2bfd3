import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { refresher, staleKeys } from "./live";
import { whole } from "./queries";

describe("long lists", () => {
  it("show their first page while the rest is read, and change as a whole later", async () => {
    const client = new QueryClient();
    let add = 0;
    const read = vi.fn((cursor: string | undefined) => {
      const from = Number(cursor ?? 0);
      return Promise.resolve({ items: [from + add, from + 1 + add], ...(from < 4 ? { next: String(from + 2) } : {}) });
    });
    const seen: (number[] | undefined)[] = [];
    const observer = new QueryObserver(client, { queryKey: ["x"], queryFn: whole(read) });
    const stop = observer.subscribe((r) => seen.push(r.data));
    await vi.waitFor(() => expect(observer.getCurrentResult()).toMatchObject({ data: [0, 1, 2, 3, 4, 5], isFetching: false }));
    expect(seen.find((d) => d !== undefined)?.length).toBeLessThan(6);
    add = 10;
    seen.length = 0;
    await client.invalidateQueries({ queryKey: ["x"] });
    expect(observer.getCurrentResult().data).toEqual([10, 11, 12, 13, 14, 15]);
    expect(new Set(seen.map((d) => d?.length))).toEqual(new Set([6]));
    stop();
  });
});

describe("what an event makes stale", () => {
  it("is what it speaks of, and what shows it elsewhere", () => {
    const keys = (kind: string) => staleKeys({ kind, name: "x" }).map((k) => k.join("/"));
    expect(keys("group")).toEqual(["groups"]);
    expect(keys("audit")).toContain("audit");
    expect(keys("freeze")).toEqual(["freezes", "runs", "pipelines"]);
    expect(keys("run")).toEqual(expect.arrayContaining(["runs", "locks", "audit"]));
    expect(keys("moon")).toEqual([]);
  });
  it("is everything when somebody's roles have changed", async () => {
    const client = new QueryClient();
    client.setQueryData(["groups"], []);
    client.setQueryData(["stacks"], []);
    for (const queryKey of staleKeys({ kind: "user", name: "x" })) await client.invalidateQueries({ queryKey });
    expect([["groups"], ["stacks"]].map((k) => client.getQueryState(k)?.isInvalidated)).toEqual([true, true]);
  });
});

describe("events", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  it("wait until what is being read has been read to its end", async () => {
    const client = new QueryClient();
    const done: (() => void)[] = [];
    const invalidate = vi.spyOn(client, "invalidateQueries").mockImplementation(() => new Promise((resolve) => done.push(resolve)));
    const refresh = refresher(client, 100);
    refresh.add({ kind: "stack", name: "a" });
    refresh.add({ kind: "stack", name: "b" });
    await vi.advanceTimersByTimeAsync(150);
    expect(invalidate).toHaveBeenCalledTimes(2); // stacks and actions, once each
    for (let i = 0; i < 20; i++) {
      refresh.add({ kind: "organization", name: "x" });
      await vi.advanceTimersByTimeAsync(150);
    }
    expect(invalidate).toHaveBeenCalledTimes(2);
    for (const d of done) d();
    await vi.advanceTimersByTimeAsync(150);
    expect(invalidate).toHaveBeenLastCalledWith({ queryKey: ["images"] });
    expect(invalidate).toHaveBeenCalledTimes(3);
  });
});
