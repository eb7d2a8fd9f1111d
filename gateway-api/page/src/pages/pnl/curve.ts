// The equity curve and its drawdown from the peak.
import type { Columns } from "../../ui/Chart";

export interface AccountCurve {
  /** Time, drawdown, total. */
  data: Columns;
  drawdown: number;
}

/** The drawdown is computed from the drawn curve, so that the two match. */
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
