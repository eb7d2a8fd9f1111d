// Whether a new value is looser: a second person then has to approve.
import type { Setting } from "../../api/types";
import { drawable, MINUS } from "../../format/numbers";

/** A typed value, for the server: a typographic minus counts as a minus. */
export const typedValue = (text: string) => text.trim().replace(MINUS, "-").replaceAll(",", "");

export function isLooser(setting: Setting, value: string): boolean {
  const [now, then] = [drawable(setting.value), drawable(value)];
  if (setting.tighter === null || now === null || then === null) return false;
  return setting.tighter === "lower" ? then > now : then < now;
}
