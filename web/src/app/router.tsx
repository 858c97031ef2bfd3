// The route table: every address of the console.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, parseSearchWith, redirect, stringifySearchWith } from "@tanstack/react-router";
import { Problem } from "../api/client";
import { me, runStates, type RunFilter } from "../api/queries";
import { LoginPage } from "../features/login/page";
import { FailedPage, MissingPage } from "./fallback";
import { Shell } from "./shell";

interface Context {
  client: QueryClient;
}

// The router makes numbers of texts that are the same when they are written again, such as 1.1.
const text = (value: unknown): string | undefined => (typeof value === "number" ? String(value) : typeof value === "string" && value !== "" ? value : undefined);

const root = createRootRouteWithContext<Context>()({ notFoundComponent: MissingPage });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search): { next?: string } => ({ next: text(search.next) }),
  component: LoginPage,
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  errorComponent: FailedPage,
  notFoundComponent: MissingPage,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.client.query({ ...me, staleTime: "static" });
    } catch (error) {
      if (error instanceof Problem && error.status === 401) throw redirect({ to: "/login", search: { next: location.href } });
      throw error;
    }
  },
});

const filter = (search: Record<string, unknown>): { search?: string; status?: string; group?: string } => ({ search: text(search.search), status: text(search.status), group: text(search.group) });

const overview = createRoute({ getParentRoute: () => shell, path: "/", component: lazyRouteComponent(() => import("../features/overview/page"), "OverviewPage") });

const pipelines = createRoute({
  getParentRoute: () => shell,
  path: "/pipelines",
  validateSearch: filter,
  component: lazyRouteComponent(() => import("../features/pipelines/list"), "PipelinesPage"),
});
const newPipeline = createRoute({
  getParentRoute: () => shell,
  path: "/pipelines/new",
  component: lazyRouteComponent(() => import("../features/pipelines/edit"), "NewPipelinePage"),
});
const pipeline = createRoute({
  getParentRoute: () => shell,
  path: "/pipelines/$name",
  validateSearch: (search): { tab?: string } & RunFilter => ({ tab: text(search.tab), state: runStates.find((s) => s === search.state), cause: text(search.cause), by: text(search.by) }),
  component: lazyRouteComponent(() => import("../features/pipelines/detail"), "PipelinePage"),
});
const editPipeline = createRoute({
  getParentRoute: () => shell,
  path: "/pipelines/$name/edit",
  component: lazyRouteComponent(() => import("../features/pipelines/edit"), "EditPipelinePage"),
});
const run = createRoute({
  getParentRoute: () => shell,
  path: "/runs/$id",
  validateSearch: (search): { stage?: string; tab?: string } => ({ stage: text(search.stage), tab: text(search.tab) }),
  component: lazyRouteComponent(() => import("../features/runs/page"), "RunPage"),
});

const templates = createRoute({
  getParentRoute: () => shell,
  path: "/templates",
  validateSearch: filter,
  component: lazyRouteComponent(() => import("../features/templates/list"), "TemplatesPage"),
});
const newTemplate = createRoute({
  getParentRoute: () => shell,
  path: "/templates/new",
  validateSearch: (search): { name?: string; from?: string } => ({ name: text(search.name), from: text(search.from) }),
  component: lazyRouteComponent(() => import("../features/templates/push"), "PushTemplatePage"),
});
const template = createRoute({
  getParentRoute: () => shell,
  path: "/templates/$name",
  validateSearch: (search): { version?: string; tab?: string; with?: string } => ({ version: text(search.version), tab: text(search.tab), with: text(search.with) }),
  component: lazyRouteComponent(() => import("../features/templates/detail"), "TemplatePage"),
});

const stacks = createRoute({
  getParentRoute: () => shell,
  path: "/stacks",
  validateSearch: filter,
  component: lazyRouteComponent(() => import("../features/stacks/list"), "StacksPage"),
});
const newStack = createRoute({
  getParentRoute: () => shell,
  path: "/stacks/new",
  validateSearch: (search): { template?: string; version?: string } => ({ template: text(search.template), version: text(search.version) }),
  component: lazyRouteComponent(() => import("../features/stacks/change"), "NewStackPage"),
});
const stack = createRoute({
  getParentRoute: () => shell,
  path: "/stacks/$name",
  validateSearch: (search): { tab?: string; element?: string } => ({ tab: text(search.tab), element: text(search.element) }),
  component: lazyRouteComponent(() => import("../features/stacks/detail"), "StackPage"),
});
const changeStack = createRoute({
  getParentRoute: () => shell,
  path: "/stacks/$name/change",
  component: lazyRouteComponent(() => import("../features/stacks/change"), "ChangeStackPage"),
});

const compare = createRoute({
  getParentRoute: () => shell,
  path: "/runs/$id/compare/$other",
  component: lazyRouteComponent(() => import("../features/runs/compare"), "ComparePage"),
});
const channels = createRoute({
  getParentRoute: () => shell,
  path: "/channels",
  validateSearch: (search): { name?: string } => ({ name: text(search.name) }),
  component: lazyRouteComponent(() => import("../features/channels/page"), "ChannelsPage"),
});

const images = createRoute({
  getParentRoute: () => shell,
  path: "/images",
  validateSearch: (search): { org?: string; repo?: string } => ({ org: text(search.org), repo: text(search.repo) }),
  component: lazyRouteComponent(() => import("../features/images/page"), "ImagesPage"),
});
const targets = createRoute({ getParentRoute: () => shell, path: "/targets", component: lazyRouteComponent(() => import("../features/targets/page"), "TargetsPage") });
const groups = createRoute({ getParentRoute: () => shell, path: "/groups", validateSearch: filter, component: lazyRouteComponent(() => import("../features/groups/list"), "GroupsPage") });
const group = createRoute({
  getParentRoute: () => shell,
  path: "/groups/$name",
  validateSearch: (search): { tab?: string } => ({ tab: text(search.tab) }),
  component: lazyRouteComponent(() => import("../features/groups/detail"), "GroupPage"),
});
const one = <T extends string>(value: unknown, of: readonly T[]): T | undefined => of.find((v) => v === value);
const audit = createRoute({
  getParentRoute: () => shell,
  path: "/audit",
  validateSearch: (s): { user?: string; kind?: string; name?: string; verb?: "start" | "change" | "delete" | "grant"; since?: string; until?: string } => ({
    user: text(s.user), kind: text(s.kind), name: text(s.name), verb: one(s.verb, ["start", "change", "delete", "grant"]), since: text(s.since), until: text(s.until),
  }),
  component: lazyRouteComponent(() => import("../features/audit/page"), "AuditPage"),
});
const gallery = createRoute({
  getParentRoute: () => shell,
  path: "/pipeline-templates",
  validateSearch: (s): { search?: string; kind?: "sample" | "own"; category?: string } => ({ search: text(s.search), kind: one(s.kind, ["sample", "own"]), category: text(s.category) }),
  component: lazyRouteComponent(() => import("../features/gallery/list"), "GalleryPage"),
});
const pipelineTemplate = createRoute({
  getParentRoute: () => shell,
  path: "/pipeline-templates/$name",
  component: lazyRouteComponent(() => import("../features/gallery/detail"), "PipelineTemplatePage"),
});
const freezes = createRoute({
  getParentRoute: () => shell,
  path: "/freezes",
  validateSearch: (s): { past?: boolean } => ({ past: s.past === true ? true : undefined }),
  component: lazyRouteComponent(() => import("../features/freezes/page"), "FreezesPage"),
});
const settings = createRoute({ getParentRoute: () => shell, path: "/settings", component: lazyRouteComponent(() => import("../features/settings/page"), "SettingsPage") });
const users = createRoute({ getParentRoute: () => shell, path: "/users", validateSearch: filter, component: lazyRouteComponent(() => import("../features/users/page"), "UsersPage") });
const account = createRoute({ getParentRoute: () => shell, path: "/account", component: lazyRouteComponent(() => import("../features/users/account"), "AccountPage") });

const tree = root.addChildren([
  login,
  shell.addChildren([
    overview, pipelines, newPipeline, pipeline, editPipeline, run, templates, newTemplate, template, stacks, newStack, stack, changeStack, compare, channels, images, targets, groups, group, gallery, pipelineTemplate, freezes, audit, settings, users, account,
  ]),
]);

// What stands in an address is text as it is, not JSON: a version 1.10 is no number, and needs no quotes.
const parseSearch = parseSearchWith((value) => value);
const stringifySearch = stringifySearchWith(String);

export function makeRouter(client: QueryClient) {
  return createRouter({ routeTree: tree, context: { client }, defaultPreload: false, defaultErrorComponent: FailedPage, scrollRestoration: true, parseSearch, stringifySearch });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
