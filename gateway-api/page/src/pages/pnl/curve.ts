// The equity curve and what it has fallen from its highest.
import type { Columns } from "../../ui/Chart";

export interface AccountCurve {
  /** Time, drawdown, total. */
  data: Columns;
  drawdown: number;
}

/** The drawdown is made of what is drawn, so that the curve and its shadow belong together. */
export function accountCurve(columns: Columns): AccountCurve {
  const [times = [], totals = []] = columns;
  let peak = -Infinity;
  const drawdowns = totals.map((total) => {
    if (total === null) return null;
    peak = Math.max(peak, total);
    return total - peak;
  });
  return { data: [times, drawdowns, totals], drawdown: drawdowns.at(-1) ?? 0 };
}
