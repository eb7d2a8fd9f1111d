// The events of a time range, loaded page by page up to a limit.
import { useEffect, useState } from "react";
import { ask, problemFrom, query } from "../../api/client";
import type { EventRow, Paged, Problem } from "../../api/types";
import { plainKey, venueOf } from "../../format/states";
import { nsOf, type Position } from "./position";

const PAGE = 2_000;
export const EVENTS_MAX = 8_000;

export interface LoadedEvents {
  events: readonly EventRow[];
  isLoading: boolean;
  /** There are more events than the limit. */
  isCut: boolean;
  problem: Problem | null;
  again: () => void;
}

type Loaded = Omit<LoadedEvents, "again">;

const NOTHING_YET: Loaded = { events: [], isLoading: true, isCut: false, problem: null };

function pathOf({ key, from_ms, to_ms }: Pick<Position, "key" | "from_ms" | "to_ms">, cursor: string | null): string {
  const symbol = key === null ? {} : { symbol: plainKey(key), venue: venueOf(key) };
  return "/history/events" + query({ ...symbol, from: nsOf(from_ms), to: nsOf(to_ms), limit: PAGE, cursor });
}

export function useEvents({ key, from_ms, to_ms }: Position): LoadedEvents {
  const [loaded, setLoaded] = useState(NOTHING_YET);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    const load = async () => {
      let events: EventRow[] = [];
      let cursor: string | null = null;
      do {
        const page: Paged<EventRow> = await ask(pathOf({ key, from_ms, to_ms }, cursor), { signal: control.signal });
        events = [...events, ...page.rows];
        cursor = page.next_cursor;
        setLoaded({ events, isLoading: cursor !== null && events.length < EVENTS_MAX, isCut: cursor !== null, problem: null });
      } while (cursor !== null && events.length < EVENTS_MAX);
    };
    setLoaded(NOTHING_YET);
    load().catch((error: unknown) => {
      if (!control.signal.aborted) setLoaded((known) => ({ ...known, isLoading: false, problem: problemFrom(error) }));
    });
    return () => control.abort();
  }, [key, from_ms, to_ms, round]);
  return { ...loaded, again: () => setRound(round + 1) };
}
