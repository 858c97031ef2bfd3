import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { pipelines } from "../../api/queries";

/** The generated addresses of a stored pipeline's conditions, by their place in the file. */
export function useWebhooks(name: string): Map<string, string> {
  const query = useQuery(pipelines);
  return useMemo(() => {
    const found = query.data?.find((p) => p.name === name);
    return new Map((found?.webhooks ?? []).map((h) => [h.condition, h.url]));
  }, [query.data, name]);
}
