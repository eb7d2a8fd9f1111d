// Sums over symbols: which have no quotes and why, and how far a start is.
import type { SymbolStatus } from "../../api/types";
import { codesIn } from "../../format/reasons";

/** A reason for which sides are not quoted, and how many. */
export interface HeldBack {
  code: string;
  bids: number;
  asks: number;
}

export interface WithoutQuotes {
  /** Symbols without a quote on either side. */
  none: number;
  /** Symbols with a quote on one side only. */
  one: number;
  /** Most sides first. */
  reasons: readonly HeldBack[];
}

const isMeantToQuote = (row: SymbolStatus) => !row.stopped && !row.removed && row.state !== "HALTED" && row.state !== "NOT_QUOTED";

/** Sides that wait for no more than an order on its way state no code, and are not counted. */
export function withoutQuotes(rows: readonly SymbolStatus[]): WithoutQuotes {
  const reasons = new Map<string, HeldBack>();
  let [none, one] = [0, 0];
  for (const row of rows.filter(isMeantToQuote)) {
    const codes = [row.bid, row.ask].map((side) => (side.quote ? undefined : codesIn(side.reason ?? "")[0]));
    const held = codes.filter((code) => code !== undefined).length;
    if (held === 2) none += 1;
    if (held === 1) one += 1;
    codes.forEach((code, index) => {
      if (code === undefined) return;
      const known = reasons.get(code) ?? { code, bids: 0, asks: 0 };
      reasons.set(code, { ...known, bids: known.bids + Number(index === 0), asks: known.asks + Number(index === 1) });
    });
  }
  const most = [...reasons.values()].sort((a, b) => b.bids + b.asks - a.bids - a.asks);
  return { none, one, reasons: most };
}

/** What a symbol that was started still waits for; null: it can be quoted. */
export function startStep(row: SymbolStatus | undefined): string | null {
  if (!row) return "fetching the contract";
  if (row.state === "WAITING") return "building the order book";
  if (row.features && !row.features.volatility_ready) return "measuring volatility";
  return null;
}

/** How many symbols are at which step of their start. */
export function startSteps(rows: readonly SymbolStatus[]): Map<string, number> {
  const steps = new Map<string, number>();
  for (const row of rows.filter(isMeantToQuote)) {
    const step = startStep(row);
    if (step) steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  return steps;
}
