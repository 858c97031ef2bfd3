// What tests of components need around them: texts, queries, and a server that answers what the test says.
import type { ReactNode } from "react";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render } from "@testing-library/react";
import { App } from "antd";
import { afterEach, vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  body: unknown;
}

/** An answer: the body of a 200, or a problem with its status. */
export type Answer = { status: number; detail: string } | { body: unknown };

let answer: (asked: Asked) => Answer = () => ({ status: 404, detail: "nothing is here" });
const asked: Asked[] = [];

// What the library asks of a browser and jsdom does not have.
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined, addListener: () => undefined, removeListener: () => undefined }));
vi.stubGlobal("ResizeObserver", class { observe = () => undefined; unobserve = () => undefined; disconnect = () => undefined; });
afterEach(cleanup);

// The client keeps the function that it finds when it is loaded, so this one stays and what it calls is changed.
vi.stubGlobal("fetch", async (request: Request) => {
  const text = request.method === "GET" ? "" : await request.text();
  const one = { method: request.method, path: new URL(request.url).pathname, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
  asked.push(one);
  const said = answer(one);
  if ("body" in said) return Response.json(said.body);
  return Response.json({ status: said.status, detail: said.detail, code: "denied" }, { status: said.status, headers: { "Content-Type": "application/problem+json" } });
});

/** Draws a component; what it asks the server is answered by reply and kept in the list that is given back, but for reads. */
export function show(ui: ReactNode, reply: (asked: Asked) => Answer): { changes: () => Asked[] } {
  asked.length = 0;
  answer = reply;
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(<QueryClientProvider client={client}><App>{ui}</App></QueryClientProvider>);
  return { changes: () => asked.filter((a) => a.method !== "GET") };
}
