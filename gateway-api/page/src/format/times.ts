// Times and ages. The zone is UTC unless the user wants the local one.

/** Hatched from this multiple of the age at which it is stale. */
const DEAD_AFTER = 3;

export type Zone = "utc" | "local";
export type Freshness = "fresh" | "stale" | "dead";

const twoDigits = (value: number) => String(value).padStart(2, "0");

/** A date whose UTC fields are those of the chosen zone. */
function shifted(timeMs: number, zone: Zone): Date {
  if (zone === "utc") return new Date(timeMs);
  return new Date(timeMs - new Date(timeMs).getTimezoneOffset() * 60_000);
}

export const clockText = (timeMs: number, zone: Zone) => shifted(timeMs, zone).toISOString().slice(11, 19);
export const clockMsText = (timeMs: number, zone: Zone) => shifted(timeMs, zone).toISOString().slice(11, 23);
export const dayText = (timeMs: number, zone: Zone) => shifted(timeMs, zone).toISOString().slice(0, 10);

/** Like `clockMsText`, with microseconds from the log. */
export function clockMicrosText(timeNs: string, zone: Zone): string {
  const micros = timeNs.slice(-6, -3);
  return clockMsText(Number(timeNs.slice(0, -6)), zone) + micros;
}

export function zoneText(zone: Zone): string {
  if (zone === "utc") return "UTC";
  const minutes = -new Date().getTimezoneOffset();
  const ahead = Math.abs(minutes);
  return `UTC${minutes < 0 ? "\u2212" : "+"}${twoDigits(Math.floor(ahead / 60))}:${twoDigits(ahead % 60)}`;
}

export function ageText(ageMs: number): string {
  const age = Math.max(0, ageMs);
  if (age < 10_000) return (age / 1000).toFixed(1) + " s";
  if (age < 120_000) return Math.floor(age / 1000) + " s";
  if (age < 7_200_000) return Math.floor(age / 60_000) + " min";
  return Math.floor(age / 3_600_000) + " h";
}

/** `staleMs`: the age from which the engine itself quotes nothing from a book, market_data.book_age_ms_max. */
export function freshness(ageMs: number, staleMs: number): Freshness {
  if (ageMs > DEAD_AFTER * staleMs) return "dead";
  return ageMs > staleMs ? "stale" : "fresh";
}

export function durationText(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const clock = `${twoDigits(Math.floor((seconds / 60) % 60))}:${twoDigits(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)}:${clock}`;
}
