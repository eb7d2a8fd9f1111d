// Whether what the page shows is still being read, and since when it is not.
import { useView, useConnection, useLoaded } from "./hooks";
import { live } from "./store";
import { useTick } from "./clock";

/** How long ago anything was read from the engine; null while it is read. */
export function useAwayMs(): number | null {
  const { connected } = useConnection();
  const view = useView();
  const isLoaded = useLoaded();
  useTick(1_000);
  return isLoaded && (!connected || view !== "live") ? performance.now() - live.readAtMs : null;
}

/** The same without its age: rerenders only when it changes. */
export function useIsAway(): boolean {
  const { connected } = useConnection();
  const view = useView();
  const isLoaded = useLoaded();
  return isLoaded && (!connected || view !== "live");
}
