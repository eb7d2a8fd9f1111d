import type { Profit, SymbolStatus } from "../../api/types";
import { useCalmSymbol } from "../../live/hooks";
import { useMoment } from "../../ui/moment";

/** PnL of a symbol: live from the same snapshot as the strip, in a replay at the selected time. */
export function useProfit({ key, pnl }: SymbolStatus): Profit | null {
  const calm = useCalmSymbol(key);
  const { isReplay } = useMoment();
  return isReplay ? pnl : (calm?.pnl ?? pnl);
}
