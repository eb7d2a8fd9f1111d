// Hooks on the live state.
import { useCallback, useSyncExternalStore } from "react";
import type { AccountViewModel, SymbolStatus } from "../api/types";
import { useWatched, Watched } from "../app/external";
import { live, type Slice } from "./store";

function useSlice<Value>(slice: Slice, read: () => Value): Value {
  const subscribe = useCallback((listener: () => void) => live.subscribe(slice, listener), [slice]);
  return useSyncExternalStore(subscribe, read);
}

export const useHasEnded = () => useSlice("engine", () => live.hasEnded);
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

// Totals over all symbols are refreshed at this interval. All PnL figures come from the same snapshot; otherwise
// strip, panels and rows would show PnL of different times.
const ALL_EVERY_MS = 1_000;
const all = new Watched<readonly SymbolStatus[]>([]);
const calmSymbols = new Watched<ReadonlyMap<string, SymbolStatus>>(new Map());
const calmAccount = new Watched<AccountViewModel | null>(null);
const warnAt = new Watched(1);
let timer = 0;

function refreshAll(): void {
  timer = 0;
  calmSymbols.set(new Map(live.symbols));
  all.set([...live.symbols.values()]);
  calmAccount.set(withHeldMoney(live.account, live.isHeld ? calmAccount.get() : null));
}

/** While rows are frozen so is the money of the account: otherwise they would not add up to it. */
function withHeldMoney(account: AccountViewModel | null, held: AccountViewModel | null): AccountViewModel | null {
  if (!account || !held) return account;
  const { pnl, session_pnl, day_pnl, gross_notional, exposure } = held;
  return { ...account, pnl, session_pnl, day_pnl, gross_notional, exposure };
}

live.subscribe("symbols", () => {
  if (!all.get().length) refreshAll();
  else if (!timer) timer = window.setTimeout(refreshAll, ALL_EVERY_MS);
});
live.subscribe("keys", refreshAll);
live.subscribe("account", () => {
  warnAt.set(live.account?.warn_at ?? 1);
  if (live.account?.state !== calmAccount.get()?.state) refreshAll();
});

/** Share of a limit from which the engine warns. */
export const useWarnAt = () => useWatched(warnAt);

/** Every symbol's state, at most every ALL_EVERY_MS. */
export const useAllSymbols = () => useWatched(all);

/** A symbol from the same snapshot as all symbols and the account. */
export function useCalmSymbol(key: string | null): SymbolStatus | undefined {
  return useSyncExternalStore(key === null ? watchNothing : calmSymbols.subscribe, () => (key === null ? undefined : calmSymbols.get().get(key)));
}

const watchNothing = () => () => undefined;

/** The account at most every ALL_EVERY_MS, but a change of its state at once: for lists that are slow to render. */
export function useCalmAccount(isWatched = true): AccountViewModel | null {
  return useSyncExternalStore(isWatched ? calmAccount.subscribe : watchNothing, () => (isWatched ? calmAccount.get() : null));
}
