import { useEffect, useMemo } from "react";

/** Gives the focus back to what had it before a dialog was opened, also where the page drops the dialog as soon as it is closed. */
export function useFocusBack(open: boolean) {
  const before = useMemo(() => (open ? document.activeElement : null), [open]); // fields of the dialog take it once they are drawn
  useEffect(() => () => {
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  }, [before]);
}
