// A typed value of a setting: what it means, how far it is from the value in force, whether it is looser.
import type { Setting } from "../../api/types";
import { drawable, grouped, MINUS } from "../../format/numbers";

/** A typed value as the server takes it; empty where `problem` says what is wrong with it. */
export interface Typed {
  value: string;
  problem: string | null;
}

const NUMBER = /^[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?(e[+-]?\d{1,3})?$/i;
const USUAL_FACTOR = 2;

/** The value that takes a symbol's own away. */
export const OF_ACCOUNT = "account";

export const valueText = (value: string) => (value === OF_ACCOUNT ? "the account's" : grouped(value));

/** Commas only group thousands: with any other, a decimal comma would be lost and 2,5 become 25. */
export function typed(setting: Setting, text: string): Typed {
  const plain = text.trim().replace(MINUS, "-");
  if (plain === "" || drawable(setting.value) === null) return { value: plain, problem: null };
  if (NUMBER.test(plain)) return { value: plain.replaceAll(",", "").replace("+", ""), problem: null };
  return { value: "", problem: `"${text.trim()}" is not a number: write a point before decimals, as in 1234.5, and no unit.` };
}

/** Is the value more than twice or less than half of the one in force, or of the other sign? */
export function isFar(setting: Setting, value: string): boolean {
  const [now, then] = [drawable(setting.value), drawable(value)];
  if (now === null || then === null || now === then) return false;
  const factor = then / now;
  return !(factor >= 1 / USUAL_FACTOR && factor <= USUAL_FACTOR);
}

export function isLooser(setting: Setting, value: string): boolean {
  const [now, then] = [drawable(setting.value), drawable(value)];
  if (setting.tighter === null || now === null || then === null) return false;
  return setting.tighter === "lower" ? then > now : then < now;
}
