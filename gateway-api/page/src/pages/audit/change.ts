// Would another value of a setting be looser? Then a second person has to agree.
import type { Setting } from "../../api/types";
import { drawable, MINUS } from "../../format/numbers";

/** A value as a person writes it, for the server: a minus of print counts as one. */
export const typedValue = (text: string) => text.trim().replace(MINUS, "-").replaceAll(",", "");

export function isLooser(setting: Setting, value: string): boolean {
  const [now, then] = [drawable(setting.value), drawable(value)];
  if (setting.tighter === null || now === null || then === null) return false;
  return setting.tighter === "lower" ? then > now : then < now;
}
