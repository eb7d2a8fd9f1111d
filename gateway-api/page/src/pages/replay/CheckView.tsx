// The replay check: every process is replayed from its recorded inputs and compared.
import { useEffect, useState } from "react";
import { ask, problemFrom } from "../../api/client";
import type { CheckedProcess, CheckResponse, Divergence, Problem } from "../../api/types";
import { useRight } from "../../app/session";
import { grouped } from "../../format/numbers";
import { Icon } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { nsOf, type Position } from "./position";
import type { Move } from "./usePosition";

const LOOK_EVERY_MS = 1_000;

interface CheckViewProps {
  position: Position;
  move: Move;
}

function useCheck() {
  const [check, setCheck] = useState<CheckResponse | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const begin = (range: { from?: string; to?: string }) => {
    setProblem(null);
    ask<CheckResponse>("/replay/check", { method: "POST", body: range }).then(setCheck, (error: unknown) => setProblem(problemFrom(error)));
  };
  const running = check?.state === "running" ? check : null;
  useEffect(() => {
    if (!running) return;
    const timer = setTimeout(() => {
      ask<CheckResponse>(`/replay/check/${running.check_id}`).then(setCheck, (error: unknown) => setProblem(problemFrom(error)));
    }, LOOK_EVERY_MS);
    return () => clearTimeout(timer);
  }, [running]);
  return { check, problem, begin };
}

export function CheckView({ position, move }: CheckViewProps) {
  const right = useRight("audit");
  const { check, problem, begin } = useCheck();
  const isRunning = check?.state === "running";
  const iso = (timeMs: number) => new Date(timeMs).toISOString();
  const actions = (
    <>
      <button type="button" disabled={!right.allowed || isRunning} title={right.because} onClick={() => begin({ from: iso(position.from_ms), to: iso(position.to_ms) })}>
        Verify this range
      </button>
      <button type="button" disabled={!right.allowed || isRunning} title={right.because} onClick={() => begin({})}>
        Verify the whole log
      </button>
    </>
  );
  return (
    <Panel id="check" title="Verify replay" note="recorded decisions against recomputed ones" actions={actions} className="check-view">
      {problem ? <Failure problem={problem} /> : <Result check={check} because={right.because} move={move} />}
    </Panel>
  );
}

function Result({ check, because, move }: { check: CheckResponse | null; because: string; move: Move }) {
  if (!check) return <Empty>{because || "Not verified yet. Verifying reads the log from its beginning, which takes a while for a long log; the engine keeps running."}</Empty>;
  if (check.state === "running") return check.progress ? <Progress progress={check.progress} /> : <Skeleton rows={6} />;
  if (check.state === "failed") return <Empty>Verifying failed: {check.error}</Empty>;
  return (
    <Scroll label="Result of the verification" className="pad">
      <table className="mini" id="check-result">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col" className="number">
              Inputs
            </th>
            <th scope="col" className="number">
              Outputs
            </th>
            <th scope="col" className="number">
              Differences
            </th>
            <th scope="col">Verdict</th>
          </tr>
        </thead>
        <tbody>
          {check.processes.map((each) => (
            <ProcessRow key={each.process} checked={each} />
          ))}
        </tbody>
      </table>
      {check.processes.map((each) => (each.first ? <First key={each.process} process={each.process} first={each.first} move={move} /> : null))}
    </Scroll>
  );
}

function Progress({ progress }: { progress: NonNullable<CheckResponse["progress"]> }) {
  const name = progress.process ?? "all processes";
  return (
    <div className="pad" role="status">
      <progress value={progress.share} max={1} aria-label="Progress of the verification" /> {Math.floor(progress.share * 100)} %, {name} at <Clock atMs={progress.time_ms} />
    </div>
  );
}

function Verdict({ checked }: { checked: CheckedProcess }) {
  if (checked.reach && (checked.reach.from_ms === null || checked.reach.until_ms !== null))
    return (
      <td className="bad">
        <Icon shape="octagon" /> NOT PROVED
      </td>
    );
  const isSame = checked.divergences === 0;
  return (
    <td className={isSame ? "good" : "bad"}>
      <Icon shape={isSame ? "circle" : "octagon"} /> {isSame ? "IDENTICAL" : "DIFFERENT"}
      {checked.divergences_of_other_code ? <small> ({grouped(String(checked.divergences_of_other_code))} in sessions of another code)</small> : null}
    </td>
  );
}

function Reach({ reach }: { reach: NonNullable<CheckedProcess["reach"]> }) {
  return (
    <small>
      {" "}
      {reach.words}
      {reach.not_traced ? `; ${grouped(String(reach.not_traced))} records not traced yet` : null}
    </small>
  );
}

function ProcessRow({ checked }: { checked: CheckedProcess }) {
  return (
    <tr data-process={checked.process}>
      <th scope="row">
        {checked.process}
        {checked.reach ? <Reach reach={checked.reach} /> : null}
      </th>
      <td className="number">{grouped(String(checked.inputs))}</td>
      <td className="number">{grouped(String(checked.outputs))}</td>
      <td className="number">{grouped(String(checked.divergences))}</td>
      <Verdict checked={checked} />
    </tr>
  );
}

const asText = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "absent"));

function First({ process, first, move }: { process: string; first: Divergence; move: Move }) {
  const atMs = first.time_ms;
  return (
    <section className="divergence" aria-label={`First difference of ${process}`}>
      <p>
        <b>First difference of {process}</b>: output {first.sequence}, {first.topic} {first.key} {atMs === null ? null : <Clock atMs={atMs} millis />}{" "}
        {atMs === null ? null : (
          <button type="button" onClick={() => move({ at_ns: nsOf(atMs), from_ms: atMs - 10_000, to_ms: atMs + 50_000, event_id: null, view: "timeline" })}>
            Show it
          </button>
        )}
      </p>
      <table className="mini diff">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Recorded</th>
            <th scope="col">Recomputed</th>
          </tr>
        </thead>
        <tbody>
          {first.fields.map((field, index) => (
            <tr key={field.path} className={index === 0 ? "first" : ""}>
              <th scope="row">{field.path}</th>
              <td>{asText(field.recorded)}</td>
              <td>
                <b>{asText(field.replayed)}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
