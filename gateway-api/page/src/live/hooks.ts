// How components watch the live state.
import { useCallback, useSyncExternalStore } from "react";
import type { AccountGlance, SymbolStatus } from "../api/types";
import { useWatched, Watched } from "../app/external";
import { live, type Slice } from "./store";

function useSlice<Value>(slice: Slice, read: () => Value): Value {
  const subscribe = useCallback((listener: () => void) => live.subscribe(slice, listener), [slice]);
  return useSyncExternalStore(subscribe, read);
}

export const useEngine = () => useSlice("engine", () => live.engine);
export const useAccount = () => useSlice("account", () => live.account);
export const useView = () => useSlice("view", () => live.view);
export const useAlerts = () => useSlice("alerts", () => live.alerts);
export const useCommands = () => useSlice("commands", () => live.commands);
export const useProposals = () => useSlice("proposals", () => live.proposals);
export const useChanges = () => useSlice("changes", () => live.changes);
export const useFills = () => useSlice("fills", () => live.fills);
export const useKeys = () => useSlice("keys", () => live.keys);
export const useDetail = () => useSlice("detail", () => live.detail);
export const useConnection = () => useSlice("connection", () => live.connection);
export const useHeld = () => useSlice("held", () => live.isHeld);
export const useLoaded = () => useSlice("connection", () => live.loaded);

export function useSymbol(key: string): SymbolStatus | undefined {
  return useSlice(`symbol ${key}`, () => live.symbols.get(key));
}

// Sums over all symbols need no more than a new look in this time.
const ALL_EVERY_MS = 1_500;
const all = new Watched<readonly SymbolStatus[]>([]);
const calmAccount = new Watched<AccountGlance | null>(null);
let timer = 0;

function refreshAll(): void {
  timer = 0;
  all.set([...live.symbols.values()]);
  calmAccount.set(live.account);
}

live.subscribe("symbols", () => {
  if (!all.get().length) refreshAll();
  else if (!timer) timer = window.setTimeout(refreshAll, ALL_EVERY_MS);
});
live.subscribe("keys", refreshAll);
live.subscribe("account", () => {
  if (live.account?.state !== calmAccount.get()?.state) calmAccount.set(live.account);
});

/** Every symbol's state, at most every ALL_EVERY_MS. */
export const useAllSymbols = () => useWatched(all);

/** The account at most every ALL_EVERY_MS, but another state of it at once: for lists that are dear to draw. */
export const useCalmAccount = () => useWatched(calmAccount);
