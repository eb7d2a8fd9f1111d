// Age of a panel's data. Rerenders only when the displayed age changes.
import { useIsAway } from "../live/away";
import { live } from "../live/store";
import { useEffect, useState } from "react";
import { ageText, freshness, type Freshness } from "../format/times";
import { agedMs } from "../live/clock";
import { useMoment } from "./moment";

const LOOK_EVERY_MS = 500;

export interface Aged {
  freshness: Freshness;
  /** "stale 3 s"; empty while fresh. */
  label: string;
}

const FRESH: Aged = { freshness: "fresh", label: "" };

/** Nothing is read from the engine: its age is said whatever it is. */
function unread(): Aged {
  return { freshness: "stale", label: `read ${ageText(Math.floor((performance.now() - live.readAtMs) / 1000) * 1000)} ago` };
}

function aged(atMs: number | null | undefined, nowMs: number): Aged {
  if (!atMs) return FRESH;
  const ageMs = nowMs - atMs;
  const state = freshness(agedMs(ageMs), live.staleMs);
  return state === "fresh" ? FRESH : { freshness: state, label: `stale ${ageText(Math.floor(ageMs / 1000) * 1000)}` };
}

const isSame = (one: Aged, other: Aged) => one.freshness === other.freshness && one.label === other.label;

/** In a replay nothing is stale. */
export function useAged(atMs: number | null | undefined): Aged {
  const moment = useMoment();
  const isAway = useIsAway();
  const [state, setState] = useState(FRESH);
  useEffect(() => {
    const look = () => {
      const now = moment.isReplay ? FRESH : isAway ? unread() : aged(atMs, moment.nowMs());
      setState((known) => (isSame(known, now) ? known : now));
    };
    look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [atMs, moment, isAway]);
  return state;
}
