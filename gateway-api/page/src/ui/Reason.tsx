// Why a side is not quoted, in plain English; limits with how much of them is used, open orders included.
import type { Limit } from "../api/types";
import { percent } from "../format/numbers";
import { codesIn, plainReason } from "../format/reasons";
import { useCalmAccount, useCalmSymbol } from "../live/hooks";
import { useMoment } from "./moment";

const OF_LIMIT = new Set(["EXPOSURE", "MAX_EXPOSURE", "POS_LIMIT", "MAX_POSITION", "MAX_INVENTORY", "MAX_LOSS", "ACCOUNT_MAX_LOSS", "MAX_DRAWDOWN"]);

/** The sentence, for those whose figures do not change or are of a past time. */
export function reasonText(reason: string | null): string {
  return reason ? plainReason(reason) : "no reason given";
}

/** The sentence with the figures of now. */
export function useReason(reason: string | null, symbolKey: string): string {
  const { isReplay } = useMoment();
  const isOfLimit = reason !== null && !isReplay && codesIn(reason).some((code) => OF_LIMIT.has(code));
  const numbers = useNumbers(isOfLimit ? symbolKey : null);
  return reason && isOfLimit ? plainReason(reason, numbers) : reasonText(reason);
}

const used = (limit: Limit | undefined) => (limit ? `${percent(limit.value, 1)} of ${percent(limit.limit)}` : "");
const share = (limit: Limit | undefined) => (limit?.limit ? `${percent(limit.value / limit.limit)} used` : "");

/** Of the account's limits alone. */
export const useAccountNumbers = () => useNumbers("*");

/** By code, how much of its limit is used; none for a null key, which watches nothing. */
function useNumbers(key: string | null): Record<string, string> {
  const account = useCalmAccount(key !== null);
  const status = useCalmSymbol(key);
  const ofAccount = (name: string) => account?.limits.find((limit) => limit.name === name);
  const own = (name: string) => status?.risk?.limits.find((limit) => limit.name === name);
  const bias = status?.inventory ? `${percent(status.inventory.bias)} of the maximum` : "";
  return {
    EXPOSURE: used(ofAccount("exposure_with_orders")),
    MAX_EXPOSURE: used(ofAccount("exposure")),
    POS_LIMIT: share(own("position")),
    MAX_POSITION: share(own("position")),
    MAX_INVENTORY: bias,
    MAX_LOSS: share(own("loss")),
    ACCOUNT_MAX_LOSS: share(ofAccount("loss")),
    MAX_DRAWDOWN: share(ofAccount("drawdown")),
  };
}
