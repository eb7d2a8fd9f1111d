import { useCallback, useEffect, useState } from "react";
import { useWatched } from "../../app/external";
import { replaceRoute, route } from "../../app/location";
import { lastSymbol } from "../../frame/lastSymbol";
import { engineNow } from "../../live/clock";
import { positionHash, positionOf, type Position } from "./position";

export type Move = (change: Partial<Position>) => void;

/** The URL holds the position: a link opens at the same time. */
export function usePosition(): [Position, Move] {
  const { query } = useWatched(route);
  const [openedMs] = useState(engineNow);
  const position = positionOf(query, openedMs, lastSymbol());
  const hash = positionHash(position);
  useEffect(() => {
    if (location.hash !== hash) replaceRoute(hash);
  }, [hash]);
  const move = useCallback<Move>(
    (change) => {
      const now = positionOf(route.get().query, openedMs, lastSymbol());
      replaceRoute(positionHash({ ...now, ...change }));
    },
    [openedMs],
  );
  return [position, move];
}
