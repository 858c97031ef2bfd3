// One stream of events keeps every open page up to date: an event marks what it speaks of as stale.
import { useEffect, useState } from "react";
import { useQueryClient, type QueryClient, type QueryKey } from "@tanstack/react-query";
import type { Noun } from "./client";

type Event = Noun<"Event">;

/** The keys of what an event makes stale. */
export function staleKeys(event: Pick<Event, "kind" | "name">): QueryKey[] {
  switch (event.kind) {
    case "run":
      return [["runs"], ["pipelines"], ["channels"], ["locks"], ["audit"]];
    case "pipeline":
      return [["pipelines"], ["channels"], ["audit"]];
    case "freeze":
      return [["freezes"], ["runs"], ["pipelines"]];
    case "stack":
      return [["stacks"], ["actions"]];
    case "template":
      return [["templates"]];
    case "pipeline-template":
      return [["pipeline-templates"]];
    case "channel":
      return [["channels"], ["pipelines"]];
    case "image":
      return [["images"], ["audit"]];
    case "organization":
      return [["images"]];
    case "target":
      return [["targets"]];
    case "group":
      return [["groups"]];
    case "user": // what one may see and do is another now
      return [[]];
    case "audit":
      return [["audit"], ["tokens"]];
    default:
      return [];
  }
}

const gather = 300; // milliseconds in which events share one refresh

/**
 * Collects keys and marks them as stale together, so that a storm of events costs few requests. What is being read is read to its
 * end before it is marked again: a long list would never be there whole otherwise.
 */
export function refresher(client: QueryClient, wait = gather) {
  const keys = new Map<string, QueryKey>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading = false;
  const plan = () => {
    if (!reading && keys.size > 0) timer ??= setTimeout(() => void refresh(), wait);
  };
  const refresh = async () => {
    timer = undefined;
    const all = [...keys.values()];
    keys.clear();
    reading = true;
    await Promise.all(all.map((queryKey) => client.invalidateQueries({ queryKey })));
    reading = false;
    plan();
  };
  return {
    add(event: Pick<Event, "kind" | "name">) {
      for (const key of staleKeys(event)) keys.set(JSON.stringify(key), key);
      plan();
    },
    stop() {
      keys.clear();
      clearTimeout(timer);
    },
  };
}

/** Follows the events of the server while the component lives; tells whether the connection stands. */
export function useLive(): boolean {
  const client = useQueryClient();
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const refresh = refresher(client);
    const source = new EventSource("/api/v1/events?follow=true&after=-1");
    let broken = false;
    source.onopen = () => {
      setConnected(true);
      if (broken) void client.invalidateQueries(); // what happened meanwhile is not told again
      broken = false;
    };
    source.onerror = () => {
      broken = true;
      setConnected(false);
    };
    source.addEventListener("event", (message) => {
      refresh.add(JSON.parse(message.data as string) as Event);
    });
    return () => {
      refresh.stop();
      source.close();
    };
  }, [client]);
  return connected;
}
