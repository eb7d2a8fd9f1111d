// How far the orders of a halt are withdrawn, in a sentence.
import type { Withdrawal } from "../api/types";
import { plainKey } from "../format/states";

export function withdrawalText(withdrawals: readonly Withdrawal[], sidesAtVenue: number): string {
  const open = withdrawals.reduce((sum, each) => sum + each.open_orders.length, 0);
  const unsure = withdrawals.filter((each) => each.state === "incomplete");
  if (unsure.length) return `NOT all orders are withdrawn (${unsure.map((each) => plainKey(each.key)).join(", ")}): ${open} may still be live.`;
  if (open || sidesAtVenue) return `Orders still at the venue: ${Math.max(open, sidesAtVenue)}.`;
  const isConfirmed = withdrawals.length > 0 && withdrawals.every((each) => each.state === "confirmed");
  return isConfirmed ? "All orders withdrawn, confirmed by the venue." : "No order of ours is at the venue.";
}
