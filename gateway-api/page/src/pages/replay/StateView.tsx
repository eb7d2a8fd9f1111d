// The symbol page at a past time: the same panels as live, read-only.
import { useEffect, useState } from "react";
import type { StateResponse } from "../../api/types";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { useAsk } from "../../ui/useAsk";
import { SymbolHead } from "../symbol/SymbolHead";
import { SymbolPanels } from "../symbol/SymbolPanels";
import type { Position } from "./position";
import { statePath } from "./StateDiff";

const SETTLE_MS = 120;

/** While the position moves, the latest one is fetched at intervals. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function StateView({ position }: { position: Position }) {
  const atNs = useSettled(position.at_ns);
  const { data, problem, again } = useAsk<StateResponse>(statePath(position.key, atNs));
  if (problem) return <Failure problem={problem} onRetry={again} />;
  if (!data) return <Skeleton rows={16} />;
  if (!data.status) return <Empty>The log has no data for this symbol up to that time: choose a later position.</Empty>;
  return (
    <div className="state-view symbol-page">
      <SymbolHead status={data.status} />
      <SymbolPanels status={data.status} detail={data.detail} toMs={position.to_ms} />
    </div>
  );
}
