import { useState } from "react";
import { query } from "../../api/client";
import type { AuditRow, Paged } from "../../api/types";
import { replayHash } from "../../app/routes";
import { useRight } from "../../app/session";
import { plainKey } from "../../format/states";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { useAsk } from "../../ui/useAsk";
import { Download } from "../pnl/EquityPanel";

const EVERY_MS = 10_000;
const SPANS = ["-1h", "-24h", "-7d"] as const;

export function AuditPanel() {
  const right = useRight("audit");
  const [from, setFrom] = useState<string>("-24h");
  const { data, problem, again } = useAsk<Paged<AuditRow>>(right.allowed ? "/audit" + query({ from, limit: 5000 }) : null, EVERY_MS);
  const rows = data ? [...data.rows].reverse() : [];
  const actions = (
    <>
      <select aria-label="Since" value={from} onChange={(event) => setFrom(event.target.value)}>
        {SPANS.map((span) => (
          <option key={span} value={span}>
            {span.replace("-", "last ")}
          </option>
        ))}
      </select>
      <Download path="/audit" values={{ from, limit: "10000" }} name="audit" />
    </>
  );
  return (
    <Panel id="audit" title="Audit" note="who did what, newest first" actions={actions}>
      {!right.allowed ? <Empty>{right.because}</Empty> : problem && !data ? <Failure problem={problem} onRetry={again} /> : !data ? <Skeleton rows={8} /> : rows.length ? <List rows={rows} /> : <Empty>No user actions in this time range.</Empty>}
    </Panel>
  );
}

function List({ rows }: { rows: readonly AuditRow[] }) {
  return (
    <Scroll label="Audit, newest first">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Who</th>
            <th scope="col">Action</th>
            <th scope="col">Scope</th>
            <th scope="col">Reason</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.event_id}>
              <td>
                <a className="link" href={replayHash(row.time_ms, row.key)}>
                  <Clock atMs={row.time_ms} />
                </a>
              </td>
              <td>{row.principal}</td>
              <th scope="row">{row.action}</th>
              <td>{plainKey(row.key)}</td>
              <td className="clip" title={row.reason}>
                {row.reason}
              </td>
              <td className={row.outcome === "refused" ? "warn" : ""}>{row.outcome}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
