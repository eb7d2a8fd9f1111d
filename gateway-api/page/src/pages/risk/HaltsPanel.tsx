// Halts and resumes by operators in the last 24 hours.
import { query } from "../../api/client";
import type { AuditRow, Paged } from "../../api/types";
import { replayHash } from "../../app/routes";
import { useRight } from "../../app/session";
import { words } from "../../format/labels";
import { plainKey } from "../../format/states";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { useAsk } from "../../ui/useAsk";

const EVERY_MS = 10_000;
const ACTIONS = ["halt", "resume", "resume_request"];

export function HaltsPanel() {
  const right = useRight("audit");
  const { data, problem, again } = useAsk<Paged<AuditRow>>(right.allowed ? "/audit" + query({ from: "-24h", limit: 5000 }) : null, EVERY_MS);
  const rows = (data?.rows ?? []).filter((row) => ACTIONS.includes(row.action)).reverse();
  return (
    <Panel id="halts" title="Halt log" note="by operators, last 24 hours">
      {!right.allowed ? <Empty>{right.because}</Empty> : problem && !data ? <Failure problem={problem} onRetry={again} /> : !data ? <Skeleton rows={4} /> : rows.length ? <List rows={rows} /> : <Empty>No halts or resumes.</Empty>}
    </Panel>
  );
}

function List({ rows }: { rows: readonly AuditRow[] }) {
  return (
    <Scroll label="Halts and resumes, newest first">
      <table className="mini">
        <tbody>
          {rows.map((row) => (
            <tr key={row.event_id}>
              <td>
                <a className="link" href={replayHash(row.time_ms, row.key)}>
                  <Clock atMs={row.time_ms} />
                </a>
              </td>
              <th scope="row">{words(row.action).toUpperCase()}</th>
              <td>{plainKey(row.key)}</td>
              <td>{row.principal}</td>
              <td className="clip" title={row.reason}>
                {row.reason}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
