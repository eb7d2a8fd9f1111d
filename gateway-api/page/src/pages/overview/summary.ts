// Totals over all symbols.
import type { MakerState, SymbolStatus } from "../../api/types";
import { drawable } from "../../format/numbers";

export type Sort = "worst" | "name" | "pnl" | "inventory" | "spread";

export const SORTS: readonly (readonly [Sort, string])[] = [
  ["worst", "worst first"],
  ["name", "by name"],
  ["pnl", "by session PnL, lowest first"],
  ["inventory", "by inventory"],
  ["spread", "by own spread, widest first"],
];

const MONEY_LAST = Number.MAX_VALUE;

/** Our ask less our bid, in bps of the mid; null where a side is missing. */
export function ownSpreadBps(row: SymbolStatus): number | null {
  const bid = row.bid.quote?.distance_bps ?? null;
  const ask = row.ask.quote?.distance_bps ?? null;
  return bid === null || ask === null ? null : ask - bid;
}

const ORDERS: Record<Sort, (row: SymbolStatus) => number> = {
  worst: (row) => row.rank,
  name: () => 0,
  pnl: (row) => drawable(row.pnl?.session_reporting) ?? MONEY_LAST,
  inventory: (row) => -Math.abs(row.inventory?.bias ?? 0),
  spread: (row) => -(ownSpreadBps(row) ?? -1),
};

export function sortedKeys(rows: readonly SymbolStatus[], sort: Sort, search: string): string[] {
  const wanted = search.trim().toLowerCase();
  const order = ORDERS[sort];
  return rows
    .filter((row) => row.key.toLowerCase().includes(wanted))
    .map((row) => ({ key: row.key, order: order(row) }))
    .sort((one, other) => one.order - other.order || (one.key < other.key ? -1 : 1))
    .map((each) => each.key);
}

/** The rows of now in an earlier order; those that are new come last. */
export function heldOrder(earlier: readonly string[], sorted: readonly string[]): string[] {
  const [there, known] = [new Set(sorted), new Set(earlier)];
  return [...earlier.filter((key) => there.has(key)), ...sorted.filter((key) => !known.has(key))];
}

export function countStates(rows: readonly SymbolStatus[]): Map<MakerState, number> {
  const counts = new Map<MakerState, number>();
  for (const row of rows) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
  return counts;
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [high, low] = [sorted[middle], sorted[middle - 1]];
  if (high === undefined) return null;
  return sorted.length % 2 || low === undefined ? high : (low + high) / 2;
}

export const newestMs = (rows: readonly SymbolStatus[]) => rows.reduce((latest, row) => Math.max(latest, row.event_time_ms), 0);
