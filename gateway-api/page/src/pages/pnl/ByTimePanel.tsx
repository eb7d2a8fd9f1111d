// PnL per interval of the last hour.
import { query } from "../../api/client";
import type { SeriesResponse } from "../../api/types";
import { negated, sumOf } from "../../format/numbers";
import { Money } from "../../ui/Money";
import { NumberHeads } from "../../ui/NumberHeads";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { useAsk } from "../../ui/useAsk";

const EVERY_MS = 30_000;
const PATH = "/history/series" + query({ kind: "pnl", from: "-60m", points: 12 });

interface Stretch {
  to_ms: number;
  total: string;
  capture: string;
  inventory: string;
  fees: string;
}

/** Differences of the running totals, newest first; the first row is the base. */
function stretchesOf({ columns, rows }: SeriesResponse): Stretch[] {
  const at = (row: (number | string | null)[] | undefined, name: string) => String(row?.[columns.indexOf(name)] ?? "0");
  const grown = (index: number, name: string) => sumOf([at(rows[index], name), negated(at(rows[index - 1], name))]);
  return rows
    .map((row, index) => ({
      to_ms: Number(row[0]),
      total: grown(index, "total"),
      capture: grown(index, "capture"),
      inventory: grown(index, "inventory"),
      fees: negated(grown(index, "fees")),
    }))
    .reverse();
}

export function ByTimePanel() {
  const { data, problem, again } = useAsk<SeriesResponse>(PATH, EVERY_MS);
  const stretches = data ? stretchesOf(data) : [];
  return (
    <Panel id="pnl-by-time" title="By time" note="5-minute buckets, last hour">
      {problem && !data ? <Failure problem={problem} onRetry={again} /> : !data ? <Skeleton rows={8} /> : stretches.length ? <List stretches={stretches} /> : <Empty>No PnL in the last hour.</Empty>}
    </Panel>
  );
}

function List({ stretches }: { stretches: readonly Stretch[] }) {
  return (
    <Scroll label="PnL by time, newest first">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Until</th>
            <NumberHeads names={["PnL", "Capture", "Inventory", "Fees"]} />
          </tr>
        </thead>
        <tbody>
          {stretches.map((each) => (
            <tr key={each.to_ms}>
              <td>
                <Clock atMs={each.to_ms} />
              </td>
              {[each.total, each.capture, each.inventory, each.fees].map((text, index) => (
                <td key={index} className="number">
                  <Money text={text} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
