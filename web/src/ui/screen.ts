import { useSyncExternalStore } from "react";

/** Whether the screen is as a media query says: known from the first drawing on, so that nothing jumps. */
export function useScreen(media: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const query = window.matchMedia(media);
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    () => window.matchMedia(media).matches,
  );
}

/** A screen on which things stand below each other rather than beside. */
export const useNarrow = (): boolean => useScreen("(max-width: 640px)");
