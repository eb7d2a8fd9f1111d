import type { ReactNode } from "react";
import type { SystemProcess, SystemResponse } from "../../api/types";
import { grouped, NOTHING } from "../../format/numbers";
import { ageText } from "../../format/times";
import { StateWord } from "../../ui/Icon";
import { NumberHeads } from "../../ui/NumberHeads";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { processNote } from "./words";
import { PROCESS_LOOKS, type SystemProps } from "./looks";

const FIGURES = ["Last input", "Lag", "Unconfirmed", "Inputs", "Published", "Starts", "Running since"];

export function ProcessesPanel({ system }: SystemProps) {
  return (
    <Panel id="processes" title="Processes" note={system?.shape} atMs={system?.time_ms}>
      {!system ? <Skeleton rows={8} /> : system.processes.length ? <Processes system={system} /> : <Empty>No process status yet: no broker has responded.</Empty>}
    </Panel>
  );
}

function Processes({ system }: { system: SystemResponse }) {
  return (
    <Scroll label="Processes">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">State</th>
            <NumberHeads names={FIGURES} />
          </tr>
        </thead>
        <tbody>
          {system.processes.map((each) => (
            <ProcessRow key={each.name} process={each} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** A silent process shows only its age: its last figures are outdated. */
function ProcessRow({ process }: { process: SystemProcess }) {
  const note = processNote(process);
  return (
    <tr data-process={process.name} data-state={process.state} title={process.instance ?? undefined}>
      <th scope="row">{process.name}</th>
      <td>
        <StateWord look={PROCESS_LOOKS[process.state]} />
        {note ? <small className="muted process-note">{note}</small> : null}
      </td>
      {process.state === "ok" || process.state === "not_ready" ? <Figures process={process} /> : FIGURES.slice(0, 5).map((name) => <Figure key={name}>{NOTHING}</Figure>)}
      <Figure>{process.starts ?? NOTHING}</Figure>
      <Figure>{process.began_ms === null || process.state === "ended" ? NOTHING : <Clock atMs={process.began_ms} />}</Figure>
    </tr>
  );
}

function Figures({ process }: { process: SystemProcess }) {
  const waiting = process.lag.reduce((sum, lag) => sum + lag.records, 0);
  const oldestMs = Math.max(0, ...process.lag.map((lag) => lag.age_ms));
  return (
    <>
      <Figure>{process.age_ms === null ? NOTHING : `${ageText(process.age_ms)} ago`}</Figure>
      <Figure title={process.lag.map((lag) => `${lag.topic}: ${lag.records}`).join(", ") || undefined}>{waiting ? `${grouped(String(waiting))}, ${ageText(oldestMs)}` : "0"}</Figure>
      <Figure>{process.outbox_records ? `${grouped(String(process.outbox_records))}, ${ageText(process.outbox_age_ms)}` : "0"}</Figure>
      <Figure>{grouped(String(process.inputs))}</Figure>
      <Figure>{grouped(String(process.published))}</Figure>
    </>
  );
}

function Figure({ children, title }: { children: ReactNode; title?: string | undefined }) {
  return (
    <td className="number" title={title}>
      {children}
    </td>
  );
}
