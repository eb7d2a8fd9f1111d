// One symbol in depth, live.
import { useEffect } from "react";
import { useWatched } from "../../app/external";
import { addKeys } from "../../app/keyboard";
import { go, route } from "../../app/location";
import { routeHash, symbolHash } from "../../app/routes";
import { lastSymbol } from "../../frame/lastSymbol";
import { listenTo } from "../../live/connect";
import { useDetail, useKeys, useLoaded, useSymbol } from "../../live/hooks";
import { Empty, Skeleton } from "../../ui/states";
import { SymbolHead } from "./SymbolHead";
import { SymbolPanels } from "./SymbolPanels";
import { centreLadder } from "./Ladder";

export function SymbolPage() {
  const { key } = useWatched(route);
  const keys = useKeys();
  const isLoaded = useLoaded();
  const fallback = key === null ? lastSymbol() : null;
  useEffect(() => {
    if (fallback !== null) go(symbolHash(fallback));
  }, [fallback]);
  if (!isLoaded) return <Skeleton rows={20} />;
  if (key === null) return <Empty>No symbols yet. They appear with the first market data.</Empty>;
  if (!keys.includes(key)) {
    return (
      <Empty>
        The engine does not know {key}. <a href={routeHash("overview")}>The overview</a> lists all symbols.
      </Empty>
    );
  }
  return <OneSymbol symbolKey={key} key={key} />;
}

function OneSymbol({ symbolKey }: { symbolKey: string }) {
  const status = useSymbol(symbolKey);
  const detail = useDetail();
  useEffect(() => listenTo(symbolKey), [symbolKey]);
  useNeighbours(symbolKey);
  if (!status) return <Skeleton rows={20} />;
  return (
    <div className="symbol-page">
      <SymbolHead status={status} />
      <SymbolPanels status={status} detail={detail?.key === symbolKey ? detail : null} />
    </div>
  );
}

function useNeighbours(symbolKey: string): void {
  const keys = useKeys();
  useEffect(() => {
    const move = (by: number) => {
      const next = keys[keys.indexOf(symbolKey) + by];
      if (next) go(symbolHash(next));
    };
    return addKeys({
      j: () => move(1),
      k: () => move(-1),
      " ": centreLadder,
      w: () => document.querySelector<HTMLElement>('[data-panel="why"] .scroll')?.focus(),
      "/": () => document.getElementById("symbol-choice")?.focus(),
    });
  }, [keys, symbolKey]);
}
