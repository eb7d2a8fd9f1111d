import type { DiskViewModel, SystemState, SystemResponse } from "../../api/types";
import type { Look } from "../../format/states";

export interface SystemProps {
  /** Null while loading. */
  system: SystemResponse | null;
}

export const OK: Look = { shape: "circle", tone: "good", word: "OK" };
export const PROCESS_LOOKS: Record<SystemState, Look> = {
  ok: OK,
  not_ready: { shape: "triangle", tone: "warn", word: "NOT READY" },
  silent: { shape: "octagon", tone: "bad", word: "SILENT" },
  ended: { shape: "square", tone: "calm", word: "ENDED" },
  missing: { shape: "ring", tone: "bad", word: "MISSING" },
};
export const BROKER_LOOKS: Record<"ok" | "away", Look> = { ok: OK, away: { shape: "octagon", tone: "bad", word: "AWAY" } };
export const STORE_LOOKS: Record<"live" | "stale" | "away", Look> = {
  live: OK,
  stale: { shape: "triangle", tone: "warn", word: "STALE" },
  away: { shape: "octagon", tone: "bad", word: "AWAY" },
};

const DAYS_LEFT_MIN = 2;

export function diskLook(disk: DiskViewModel): Look {
  if (disk.is_nearly_full) return { shape: "octagon", tone: "bad", word: "NEARLY FULL" };
  if (disk.days_left !== null && disk.days_left < DAYS_LEFT_MIN) return { shape: "triangle", tone: "warn", word: "FILLING" };
  return OK;
}
