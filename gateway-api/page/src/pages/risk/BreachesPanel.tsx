// Warnings of the risk service in the last hour, from the log.
import { query } from "../../api/client";
import type { EventRow, Paged, Severity } from "../../api/types";
import { replayHash } from "../../app/routes";
import { figure, NOTHING } from "../../format/numbers";
import { alertTitle, plainReason } from "../../format/reasons";
import { plainKey, SEVERITY_LOOKS } from "../../format/states";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { useAsk } from "../../ui/useAsk";

const EVERY_MS = 15_000;
const SHOWN = 100;
const BEFORE_MS = 30_000;
/** Only alerts have an id of this form: the lane itself is full of heartbeats. */
const PATH = "/history/events" + query({ lanes: "risk", text: '"alert_id"', from: "-60m", limit: 5000 });

export function BreachesPanel() {
  const { data, problem, again } = useAsk<Paged<EventRow>>(PATH, EVERY_MS);
  const rows = data ? data.rows.slice(-SHOWN).reverse() : [];
  return (
    <Panel id="breaches" title="Breaches and warnings" note={data ? `${data.rows.length} in the last hour` : null}>
      {problem && !data ? <Failure problem={problem} onRetry={again} /> : !data ? <Skeleton rows={6} /> : rows.length ? <List rows={rows} /> : <Empty>None in the last hour.</Empty>}
    </Panel>
  );
}

function List({ rows }: { rows: readonly EventRow[] }) {
  return (
    <Scroll label="Breaches and warnings, newest first">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Severity</th>
            <th scope="col">Name</th>
            <th scope="col">Scope</th>
            <th scope="col">Message</th>
            <th scope="col" className="number">
              Value / limit
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.event_id} row={row} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const text = (value: unknown) => (typeof value === "string" ? value : "");
const amount = (value: unknown) => (typeof value === "number" ? figure(value, 5) : NOTHING);
const isSeverity = (value: unknown): value is Severity => typeof value === "string" && value in SEVERITY_LOOKS;

function Row({ row }: { row: EventRow }) {
  const { severity, name, message, value, limit } = row.message;
  return (
    <tr>
      <td>
        <a className="link" href={replayHash(row.time_ms - BEFORE_MS, row.key)}>
          <Clock atMs={row.time_ms} />
        </a>
      </td>
      <td>{isSeverity(severity) ? <StateWord look={SEVERITY_LOOKS[severity]} /> : null}</td>
      <th scope="row">{alertTitle(text(name))}</th>
      <td>{plainKey(row.key)}</td>
      <td className="clip" title={plainReason(text(message))}>
        {plainReason(text(message))}
      </td>
      <td className="number">
        {amount(value)} / {amount(limit)}
      </td>
    </tr>
  );
}
