import type { SystemResponse } from "../../api/types";
import type { Look } from "../../format/states";

export interface SystemProps {
  /** None yet: it is asked for. */
  system: SystemResponse | null;
}

export const OK: Look = { shape: "circle", tone: "good", word: "OK" };
export const SILENT: Look = { shape: "octagon", tone: "bad", word: "SILENT" };
export const STORE_LOOKS: Record<"live" | "stale" | "away", Look> = {
  live: OK,
  stale: { shape: "triangle", tone: "warn", word: "STALE" },
  away: { shape: "octagon", tone: "bad", word: "AWAY" },
};
