// Requested changes against those in force: which processes have applied them.
import type { Change } from "../../api/types";
import type { Look } from "../../format/states";
import { useChanges } from "../../live/hooks";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty } from "../../ui/states";
import { Clock } from "../../ui/time";
import { valueText } from "./change";

function lookOf(change: Change): Look {
  if (change.refused_because) return { shape: "octagon", tone: "bad", word: "REFUSED" };
  return change.in_force ? { shape: "circle", tone: "good", word: "IN FORCE" } : { shape: "half", tone: "warn", word: "PENDING" };
}

export function ChangesPanel() {
  const changes = useChanges();
  return (
    <Panel id="changes" title="Changes" note="newest first">
      {changes.length ? (
        <Scroll label="Changes, newest first">
          <table className="mini">
            <tbody>
              {changes.map((change) => (
                <tr key={change.change_id} data-change={change.change_id} title={`${change.reason} \u2013 ${change.refused_because ?? `applied by ${change.applied_by.join(", ") || "no process yet"}`}`}>
                  <td>
                    <Clock atMs={change.time_ms} />
                  </td>
                  <th scope="row" className="clip">
                    {change.key}
                  </th>
                  <td className="number">{change.was === null ? valueText(change.value) : `${valueText(change.was)} \u2192 ${valueText(change.value)}`}</td>
                  <td>{change.approver ? `${change.requester} and ${change.approver}` : change.requester}</td>
                  <td>
                    <StateWord look={lookOf(change)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      ) : (
        <Empty>No live changes: the file and the defaults are in force.</Empty>
      )}
    </Panel>
  );
}
