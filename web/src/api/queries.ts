// What the pages read, by the keys under which it is kept and refreshed.
import { infiniteQueryOptions, keepPreviousData, queryOptions, type QueryFunction, type QueryKey } from "@tanstack/react-query";
import { api, need, needWithTag, type Noun } from "./client";

const page = 100;

export const me = queryOptions({
  queryKey: ["me"],
  queryFn: () => need(api.GET("/api/v1/whoami")),
  retry: false,
  staleTime: 60_000,
});

export const pipelines = queryOptions({
  queryKey: ["pipelines"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/pipelines", { params: { query: { limit: 500, cursor } } }))),
});

/** Whether there is any pipeline. */
export const anyPipeline = queryOptions({
  queryKey: ["pipelines", "", "any"],
  queryFn: () => need(api.GET("/api/v1/pipelines", { params: { query: { limit: 1 } } })).then((list) => list.items.length > 0),
});

export const pipeline = (name: string) =>
  queryOptions({
    queryKey: ["pipelines", name],
    queryFn: () => needWithTag(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } } })),
  });

export const runStates = ["queued", "running", "waiting", "held", "succeeded", "failed", "canceled", "timed-out"] as const;

export interface RunFilter {
  state?: (typeof runStates)[number];
  cause?: string;
  by?: string;
}

export const runs = (name: string, { state, cause, by }: RunFilter = {}) =>
  infiniteQueryOptions({
    queryKey: ["runs", "of", name, state ?? "", cause ?? "", by ?? ""],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      need(api.GET("/api/v1/pipelines/{name}/runs", { params: { path: { name }, query: { state, cause, by, limit: page, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
  });

/** Runs of all pipelines, newest first: at work, waiting, waiting for oneself, or failed. */
export const runsOf = (of: "running" | "waiting" | "me" | "failed", limit: number) =>
  infiniteQueryOptions({
    queryKey: ["runs", "all", of],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => need(api.GET("/api/v1/runs", { params: { query: { of, limit, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
  });

export const run = (id: string) =>
  queryOptions({ queryKey: ["runs", id], queryFn: () => need(api.GET("/api/v1/runs/{id}", { params: { path: { id } } })) });

/** The lines of a run's log that hold a text, upper and lower case alike, as the server finds them. */
export const foundLines = (id: string, stage: string | undefined, text: string) =>
  infiniteQueryOptions({
    queryKey: ["log", id, stage ?? "", text],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => need(api.GET("/api/v1/runs/{id}/logs", { params: { path: { id }, query: { stage, q: text, limit: 500, cursor: pageParam } } })) as Promise<Noun<"ListLogLine">>,
    getNextPageParam: (last) => last.next,
    gcTime: 0,
  });

export const groups = queryOptions({
  queryKey: ["groups"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/groups", { params: { query: { limit: 500, cursor } } }))),
});

export const group = (name: string) =>
  queryOptions({ queryKey: ["groups", name], queryFn: () => need(api.GET("/api/v1/groups/{name}", { params: { path: { name } } })) });

export const members = (name: string) =>
  queryOptions({
    queryKey: ["groups", name, "members"],
    queryFn: whole((cursor) => need(api.GET("/api/v1/groups/{name}/members", { params: { path: { name }, query: { limit: 500, cursor } } }))),
  });

export const templates = queryOptions({
  queryKey: ["templates"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/templates", { params: { query: { limit: 500, cursor } } }))),
});

export const template = (name: string) =>
  queryOptions({ queryKey: ["templates", name], queryFn: () => need(api.GET("/api/v1/templates/{name}", { params: { path: { name } } })) });

export const templateVersion = (name: string, version: string) =>
  queryOptions({
    queryKey: ["templates", name, version],
    queryFn: () => need(api.GET("/api/v1/templates/{name}/versions/{version}", { params: { path: { name, version } } })),
    staleTime: Infinity, // a version never changes
  });

export const templateSource = (name: string, version: string) =>
  queryOptions({
    queryKey: ["templates", name, version, "source"],
    queryFn: () =>
      need<string>(api.GET("/api/v1/templates/{name}/versions/{version}/source", { params: { path: { name, version } }, parseAs: "text" })),
    staleTime: Infinity,
  });

export const stacks = queryOptions({
  queryKey: ["stacks"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/stacks", { params: { query: { limit: 500, cursor } } }))),
});

export const stack = (name: string) =>
  queryOptions({ queryKey: ["stacks", name], queryFn: () => needWithTag(api.GET("/api/v1/stacks/{name}", { params: { path: { name } } })) });

export const stackElements = (name: string) =>
  queryOptions({
    queryKey: ["stacks", name, "elements"],
    queryFn: () => need(api.GET("/api/v1/stacks/{name}/elements", { params: { path: { name } } })).then((list) => list.items),
  });

export const stackActions = (name: string) =>
  queryOptions({
    queryKey: ["stacks", name, "actions"],
    queryFn: () => need(api.GET("/api/v1/stacks/{name}/actions", { params: { path: { name }, query: { limit: page } } })).then((list) => list.items),
  });

export const stackEvents = (name: string) =>
  queryOptions({
    queryKey: ["stacks", name, "events"],
    queryFn: () =>
      need(api.GET("/api/v1/stacks/{name}/events", { params: { path: { name }, query: { limit: 500 } } })).then((list) => (list as Noun<"ListEvent">).items.toReversed()),
  });

export const action = (id: string) =>
  queryOptions({ queryKey: ["actions", id], queryFn: () => need(api.GET("/api/v1/actions/{id}", { params: { path: { id } } })) });

export const runDiff = (id: string, other: string) =>
  queryOptions({ queryKey: ["runs", id, "diff", other], queryFn: () => need(api.GET("/api/v1/runs/{id}/diff/{other}", { params: { path: { id, other } } })) });

export const pipelineMessages = (name: string) =>
  queryOptions({
    queryKey: ["pipelines", name, "messages"],
    queryFn: () => need(api.GET("/api/v1/pipelines/{name}/messages", { params: { path: { name }, query: { limit: page } } })).then((list) => list.items),
  });

export const stackDrift = (name: string) =>
  queryOptions({ queryKey: ["drift", name], queryFn: () => need(api.GET("/api/v1/stacks/{name}/drift", { params: { path: { name } } })), retry: false, gcTime: 0 });

export const stackHistory = (name: string) =>
  queryOptions({
    queryKey: ["stacks", name, "history"],
    queryFn: () => need(api.GET("/api/v1/stacks/{name}/history", { params: { path: { name } } })).then((list) => list.items),
  });

export const channels = queryOptions({
  queryKey: ["channels"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/channels", { params: { query: { limit: 500, cursor } } }))),
});

export const channelMessages = (name: string) =>
  queryOptions({
    queryKey: ["channels", name, "messages"],
    queryFn: () =>
      need(api.GET("/api/v1/channels/{name}/messages", { params: { path: { name }, query: { limit: page } } })).then((list) => (list as Noun<"ListChannelMessage">).items),
    // What a message does follows a moment after it was published.
    refetchInterval: (query) => (query.state.data?.some((m) => !m.delivered) ? 1000 : false),
  });

/** A message with what it did. */
export const targets = queryOptions({
  queryKey: ["targets"],
  queryFn: () => need(api.GET("/api/v1/targets")).then((list) => list.items),
});

export const targetCheck = (name: string) =>
  queryOptions({
    queryKey: ["targets", name, "check"],
    queryFn: () => need(api.POST("/api/v1/targets/{name}/check", { params: { path: { name } } })),
    staleTime: 60_000,
    retry: false,
  });

export const organizations = queryOptions({
  queryKey: ["images"],
  queryFn: () => need(api.GET("/api/v1/organizations")).then((list) => list.items),
});

export const repositories = (org: string) =>
  queryOptions({
    queryKey: ["images", org],
    queryFn: whole((cursor) => need(api.GET("/api/v1/organizations/{org}/repositories", { params: { path: { org }, query: { limit: 500, cursor } } }))),
  });

export const tags = (image: string) =>
  queryOptions({
    queryKey: ["images", image, "tags"],
    queryFn: whole((cursor) => need(api.GET("/api/v1/tags", { params: { query: { image, limit: 500, cursor } } }))),
  });

export const users = queryOptions({
  queryKey: ["users"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/users", { params: { query: { limit: 500, cursor } } }))),
});

export const tokens = queryOptions({
  queryKey: ["tokens"],
  queryFn: () => need(api.GET("/api/v1/tokens")).then((list) => list.items),
});

export const pipelineTemplates = queryOptions({
  queryKey: ["pipeline-templates"],
  queryFn: whole((cursor) => need(api.GET("/api/v1/pipeline-templates", { params: { query: { limit: 500, cursor } } }))),
});

export const pipelineTemplate = (name: string) =>
  queryOptions({ queryKey: ["pipeline-templates", name], queryFn: () => need(api.GET("/api/v1/pipeline-templates/{name}", { params: { path: { name } } })) });

export const freezes = (past: boolean) =>
  queryOptions({ queryKey: ["freezes", past], queryFn: whole((cursor) => need(api.GET("/api/v1/freezes", { params: { query: { past, limit: 500, cursor } } }))) });

export const locks = queryOptions({
  queryKey: ["locks"],
  queryFn: () => need(api.GET("/api/v1/locks")).then((list) => list.items),
});

export const settings = queryOptions({ queryKey: ["settings"], queryFn: () => need(api.GET("/api/v1/settings")) });

interface AuditFilter {
  user?: string;
  kind?: string;
  name?: string;
  verb?: "start" | "change" | "delete" | "grant";
  since?: string;
  until?: string;
}

export const audit = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => need(api.GET("/api/v1/audit", { params: { query: { ...filter, limit: page, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next,
  });

interface Listed<T> {
  items: T[];
  next?: string;
}

// Lists are read whole up to this many items; tables draw only the rows that are seen.
const most = 20_000;

/**
 * Reads a list page by page. The first time, what was read is shown while the rest comes: whenever it has doubled, since drawing costs as well. A list that is there already stays as it
 * is until it has been read anew.
 */
export function whole<T, K extends QueryKey>(read: (cursor: string | undefined) => Promise<Listed<T>>): QueryFunction<T[], K> {
  return async ({ client, queryKey, signal }) => {
    const first = client.getQueryData(queryKey) === undefined;
    let items: T[] = [];
    let shown = 0;
    for (let cursor: string | undefined; ; ) {
      const list = await read(cursor);
      signal.throwIfAborted();
      items = items.concat(list.items);
      cursor = list.next;
      if (!cursor || items.length >= most) return items;
      if (first && items.length >= 2 * shown) {
        client.setQueryData<T[]>(queryKey, items);
        shown = items.length;
      }
    }
  };
}
