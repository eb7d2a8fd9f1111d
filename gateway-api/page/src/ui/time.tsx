import { memo } from "react";
import { preferences } from "../app/preferences";
import { useWatched } from "../app/external";
import { ageText, clockMsText, clockText, dayText, freshness, zoneText, type Zone } from "../format/times";
import { agedMs, useTick } from "../live/clock";
import { live } from "../live/store";
import { useMoment } from "./moment";

export const useZone = (): Zone => useWatched(preferences).zone;

/** Time of day in the chosen zone, on request with the date; full timestamp in the title. */
export function Clock({ atMs, millis = false, withDay = false }: { atMs: number; millis?: boolean; withDay?: boolean }) {
  const zone = useZone();
  const whole = `${dayText(atMs, zone)} ${clockMsText(atMs, zone)} ${zoneText(zone)}`;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={whole}>
      {withDay ? `${dayText(atMs, zone)} ` : null}
      {millis ? clockMsText(atMs, zone) : clockText(atMs, zone)}
    </time>
  );
}

/** An age that updates by itself. */
export const Age = memo(function Age({ atMs }: { atMs: number | null | undefined }) {
  const moment = useMoment();
  useTick(1000);
  if (!atMs) return <span className="muted">no data</span>;
  const ageMs = moment.nowMs() - atMs;
  const state = moment.isReplay ? "fresh" : freshness(agedMs(ageMs), live.staleMs);
  return <span className={`age ${state}`}>{state === "fresh" ? ageText(ageMs) : `stale ${ageText(ageMs)}`}</span>;
});
