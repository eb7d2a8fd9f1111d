// The state shown before and after an event.
import { query } from "../../api/client";
import type { EventRow, StateResponse } from "../../api/types";
import { plainKey, venueOf } from "../../format/states";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { useAsk } from "../../ui/useAsk";
import { differences, type Difference } from "./diff";

const SHOWN = 80;

export function statePath(key: string | null, atNs: string): string | null {
  return key === null ? null : "/history/state" + query({ symbol: plainKey(key), venue: venueOf(key), at: atNs });
}

export function StateDiff({ event, symbolKey }: { event: EventRow; symbolKey: string | null }) {
  const before = useAsk<StateResponse>(statePath(symbolKey, String(BigInt(event.time_ns) - 1n)));
  const after = useAsk<StateResponse>(statePath(symbolKey, event.time_ns));
  const problem = before.problem ?? after.problem;
  if (problem) return <Failure problem={problem} onRetry={() => [before, after].forEach((each) => each.again())} />;
  if (!before.data || !after.data || before.isLoading || after.isLoading) return <Skeleton rows={8} />;
  const found = differences(before.data.status, after.data.status);
  if (!found.length) return <Empty>The state of the symbol did not change at this time.</Empty>;
  return <DiffTable found={found} />;
}

function DiffTable({ found }: { found: readonly Difference[] }) {
  return (
    <Scroll label="State before and after the event">
      <table className="mini diff">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, SHOWN).map(({ path, before, after }) => (
            <tr key={path}>
              <th scope="row">{path}</th>
              <td>{before}</td>
              <td>
                <b>{after}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
