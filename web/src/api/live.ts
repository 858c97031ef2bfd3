// One stream of events keeps every open page up to date: an event marks what it speaks of as stale.
import { useEffect, useState } from "react";
import { useQueryClient, type QueryClient, type QueryKey } from "@tanstack/react-query";
import type { Noun } from "./client";

type Event = Noun<"Event">;

/** The keys of what an event makes stale. */
export function staleKeys(event: Pick<Event, "kind" | "name">): QueryKey[] {
  switch (event.kind) {
    case "run":
      return [["runs"], ["pipelines"]];
    case "pipeline":
      return [["pipelines"]];
    case "stack":
      return [["stacks"], ["actions"]];
    case "template":
      return [["templates"]];
    case "channel":
      return [["channels"], ["pipelines"]];
    case "image":
      return [["images"]];
    case "target":
      return [["targets"]];
    default:
      return [];
  }
}

const gather = 300; // milliseconds in which events share one refresh

/** Collects keys and marks them as stale together, so that a storm of events costs few requests. */
export function refresher(client: QueryClient, wait = gather) {
  const keys = new Map<string, QueryKey>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    add(event: Pick<Event, "kind" | "name">) {
      for (const key of staleKeys(event)) keys.set(JSON.stringify(key), key);
      timer ??= setTimeout(() => {
        timer = undefined;
        const all = [...keys.values()];
        keys.clear();
        for (const queryKey of all) void client.invalidateQueries({ queryKey });
      }, wait);
    },
    stop() {
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
