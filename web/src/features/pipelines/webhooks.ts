import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { pipeline, pipelines } from "../../api/queries";

/** The generated addresses of a stored pipeline's conditions, by their place in the file. */
export function useWebhooks(name: string): Map<string, string> {
  const list = useQuery(pipelines);
  const stored = useQuery({ ...pipeline(name), enabled: list.data?.some((p) => p.name === name) === true });
  return useMemo(() => new Map((stored.data?.data.webhooks ?? []).map((h) => [h.condition, h.url])), [stored.data]);
}
