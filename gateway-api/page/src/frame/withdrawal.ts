// How far the orders of a halt are withdrawn, in a sentence.
import type { Withdrawal } from "../api/types";
import { plainKey } from "../format/states";

export function withdrawalText(withdrawals: readonly Withdrawal[], sidesAtVenue: number): string {
  const counted = wholeVenues(withdrawals);
  const orders = counted.reduce((sum, each) => sum + each.orders, 0);
  const open = counted.reduce((sum, each) => sum + each.open_orders.length, 0);
  const done = `Cancelled ${orders - open} of ${orders}`;
  const unsure = counted.filter((each) => each.state === "incomplete");
  if (unsure.length) return `NOT all orders are withdrawn (${unsure.map((each) => plainKey(each.key)).join(", ")}): ${done}, ${open} may still be live.`;
  if (open) return `${done}, ${open} still at the venue.`;
  if (sidesAtVenue) return `Orders still at the venue: ${sidesAtVenue}.`;
  const isConfirmed = counted.length > 0 && counted.every((each) => each.state === "confirmed");
  if (!isConfirmed) return "No order of ours is at the venue.";
  return orders ? `${done}, confirmed by the venue.` : "Nothing was open, confirmed by the venue.";
}

/** A venue's own report counts the orders of all its symbols: theirs would count them twice. */
function wholeVenues(withdrawals: readonly Withdrawal[]): readonly Withdrawal[] {
  const whole = withdrawals.filter((each) => each.key.endsWith(":*"));
  return whole.length ? whole : withdrawals;
}
