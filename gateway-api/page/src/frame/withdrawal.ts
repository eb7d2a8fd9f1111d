// Progress of the mass cancel of a halt, as a sentence.
import type { Withdrawal } from "../api/types";
import { plainKey } from "../format/states";

export function withdrawalText(withdrawals: readonly Withdrawal[], sidesAtVenue: number): string {
  const counted = wholeVenues(withdrawals);
  const orders = counted.reduce((sum, each) => sum + each.orders, 0);
  const open = counted.reduce((sum, each) => sum + each.open_orders.length, 0);
  const done = `Cancelled ${orders - open} of ${orders}`;
  const unsure = counted.filter((each) => each.state === "incomplete");
  if (unsure.length) return `NOT all orders are cancelled (${unsure.map((each) => plainKey(each.key)).join(", ")}): ${done}, ${open} may still be open.`;
  if (open) return `${done}, ${open} still at the venue.`;
  if (sidesAtVenue) return `Orders still at the venue: ${sidesAtVenue}.`;
  const isConfirmed = counted.length > 0 && counted.every((each) => each.state === "confirmed");
  if (!isConfirmed) return "None of our orders is at the venue.";
  return orders ? `${done}, confirmed by the venue.` : "No order was open, confirmed by the venue.";
}

/** A report for a whole venue includes its symbols: their own reports would count the orders twice. */
function wholeVenues(withdrawals: readonly Withdrawal[]): readonly Withdrawal[] {
  const whole = withdrawals.filter((each) => each.key.endsWith(":*"));
  return whole.length ? whole : withdrawals;
}
