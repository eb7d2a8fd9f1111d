// Plays with the original timing at a chosen speed, or steps from event to event.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { EventRow } from "../../api/types";
import { addKeys } from "../../app/keyboard";
import { msOf, newestAt, nsOf, stepped, type Position } from "./position";
import type { Move } from "./usePosition";

export const SPEEDS = [0.1, 0.5, 1, 2, 5, 10, 100] as const;
const TICK_MS = 100;

export interface Player {
  isPlaying: boolean;
  speed: number;
  setSpeed: (speed: number) => void;
  toggle: () => void;
  step: (by: 1 | -1) => void;
  stepQuote: (by: 1 | -1) => void;
  toBegin: () => void;
  toEnd: () => void;
}

const placeOf = (event: EventRow): Partial<Position> => ({ at_ns: event.time_ns, event_id: event.event_id });

export function usePlayer(events: readonly EventRow[], position: Position, move: Move): Player {
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const newest = useRef({ events, position });
  newest.current = { events, position };
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setInterval(() => {
      const now = newest.current;
      const atMs = Math.min(msOf(now.position.at_ns) + TICK_MS * speed, now.position.to_ms);
      const atNs = nsOf(atMs);
      move({ at_ns: atNs, event_id: newestAt(now.events, atNs)?.event_id ?? null });
      if (atMs >= now.position.to_ms) setPlaying(false);
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [isPlaying, speed, move]);
  const go = useCallback(
    (by: 1 | -1, wanted: (event: EventRow) => boolean) => {
      setPlaying(false);
      const now = newest.current;
      const isAtWanted = now.events.some((event) => event.event_id === now.position.event_id && wanted(event));
      const event = stepped(now.events.filter(wanted), now.position.at_ns, isAtWanted ? now.position.event_id : null, by);
      if (event) move(placeOf(event));
    },
    [move],
  );
  const player = useMemo<Player>(
    () => ({
      isPlaying,
      speed,
      setSpeed,
      toggle: () => setPlaying((known) => !known),
      step: (by) => go(by, () => true),
      stepQuote: (by) => go(by, (event) => event.lane === "quote"),
      toBegin: () => move({ at_ns: nsOf(newest.current.position.from_ms), event_id: null }),
      toEnd: () => move({ at_ns: nsOf(newest.current.position.to_ms), event_id: newest.current.events.at(-1)?.event_id ?? null }),
    }),
    [isPlaying, speed, go, move],
  );
  usePlayerKeys(player);
  return player;
}

function usePlayerKeys(player: Player): void {
  useEffect(
    () =>
      addKeys({
        "[": () => player.step(-1),
        "]": () => player.step(1),
        "{": () => player.stepQuote(-1),
        "}": () => player.stepQuote(1),
        Home: player.toBegin,
        End: player.toEnd,
        " ": player.toggle,
      }),
    [player],
  );
}
