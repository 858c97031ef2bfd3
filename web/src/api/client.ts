// The one place that talks to the server. Types come from its OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

/** A noun of the API by the name of its schema. */
export type Noun<N extends keyof Schemas> = Schemas[N];
export type Finding = Noun<"Diagnostic">;

/** What the server answers when it refuses: RFC 9457, with every single finding. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly findings: Finding[] = [],
  ) {
    super(message);
    this.name = "Problem";
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, credentials: "same-origin" });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

function toProblem(error: unknown, response: Response): Problem {
  const body = (typeof error === "object" && error !== null ? error : {}) as Partial<Noun<"Problem">>;
  const text = typeof error === "string" && error !== "" ? error : response.statusText;
  return new Problem(response.status, body.code ?? "internal", body.detail ?? body.title ?? text, body.errors ?? []);
}

/** Gives the data of an answer, or throws a Problem. */
export async function need<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch (cause) {
    throw new Problem(0, "unreachable", cause instanceof Error ? cause.message : String(cause));
  }
  if (!answer.response.ok) throw toProblem(answer.error, answer.response);
  return answer.data as T;
}

/** Like need, with the revision that the ETag names, for If-Match later. */
export async function needWithTag<T>(asked: Promise<Answer<T>>): Promise<{ data: T; etag: string | null }> {
  const answer = await asked;
  if (!answer.response.ok) throw toProblem(answer.error, answer.response);
  return { data: answer.data as T, etag: answer.response.headers.get("ETag") };
}

/** Sends a text as it is: pipeline files and templates. */
export async function send<T>(method: string, path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<T> {
  const response = await fetch(path, { method, body, headers: { "Content-Type": "application/octet-stream", ...headers }, credentials: "same-origin" });
  const text = await response.text();
  let parsed: unknown = text;
  try {
    parsed = text === "" ? undefined : JSON.parse(text);
  } catch {
    // a proxy's page instead of JSON: the text itself is the message
  }
  if (!response.ok) throw toProblem(parsed, response);
  return parsed as T;
}
