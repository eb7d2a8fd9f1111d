// Where the profit came from, in exact decimals; what does not add up is shown, not hidden.
import type { Profit, SymbolStatus } from "../../api/types";
import { negated, sumOf } from "../../format/numbers";

export interface Attribution {
  capture: string;
  inventory: string;
  fees: string;
  realised: string;
  unrealised: string;
  /** What taking liquidity to reduce positions earned: part of capture and fees. */
  balance: string;
  total: string;
  /** total less (capture + inventory - fees): zero, or the figures were taken at different times. */
  residual: string;
}

export function attributionOf(profits: readonly Profit[]): Attribution {
  const sum = (name: "capture" | "inventory" | "fees" | "realised" | "unrealised" | "balance" | "total") => sumOf(profits.map((profit) => profit[name]));
  const [capture, inventory, fees, total] = [sum("capture"), sum("inventory"), negated(sum("fees")), sum("total")];
  const residual = sumOf([total, ...[capture, inventory, fees].map(negated)]);
  return { capture, inventory, fees, realised: sum("realised"), unrealised: sum("unrealised"), balance: sum("balance"), total, residual };
}

/** By the currency that the symbols are quoted in: money of different currencies is not added up. */
export function profitsByCurrency(rows: readonly SymbolStatus[]): Map<string, Profit[]> {
  const found = new Map<string, Profit[]>();
  for (const { pnl } of rows) {
    if (pnl) found.set(pnl.currency, [...(found.get(pnl.currency) ?? []), pnl]);
  }
  return found;
}
