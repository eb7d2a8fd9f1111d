// Commands sent from here and their progress: sent, acknowledged, verified, each with its time.
import type { CommandAction } from "../api/types";
import { useWatched } from "../app/external";
import { words } from "../format/labels";
import { plainKey } from "../format/states";
import { engineNow, useTick } from "../live/clock";
import { dismiss, positionsHeld, send, sidesQuoted, tracked, unreceived, type Tracked } from "../live/commands";
import { useConnection } from "../live/hooks";
import { live } from "../live/store";
import { startStep } from "../pages/overview/standing";
import { CommandButton } from "../ui/controls";
import { Clock } from "../ui/time";

const SHOWN_DONE_MS = 8_000;
const SHOWN_MAX = 2;

/** After this without a proof from the venue people are told how to make sure. */
const PROVEN_WITHIN_MS = 10_000;

const isShown = (entry: Tracked) => entry.verified_ms === null || engineNow() - entry.verified_ms < SHOWN_DONE_MS;

export function CommandLog() {
  const entries = useWatched(tracked);
  useTick(1000);
  return (
    <aside className="command-log" id="command-log" aria-label="Commands" aria-live="polite">
      {entries.filter(isShown).slice(0, SHOWN_MAX).map((entry) => (
        <Entry key={entry.id} entry={entry} />
      ))}
    </aside>
  );
}

function Entry({ entry }: { entry: Tracked }) {
  const state = entry.problem ? "failed" : entry.verified_ms ? "done" : "open";
  return (
    <div className={`command ${state}`} data-command={entry.id}>
      <p className="command-title">
        <b>
          {words(entry.action).toUpperCase()} {plainKey(entry.key)}
        </b>
        {entry.action === "stop" && entry.key !== "*" && !entry.problem ? <Undo entry={entry} /> : null}
        <button type="button" className="quiet" aria-label={`Close: ${entry.action} ${plainKey(entry.key)}`} onClick={() => dismiss(entry.id)}>
          {"\u00d7"}
        </button>
      </p>
      {entry.problem ? <p>{unreceived(entry)}</p> : <Stages entry={entry} />}
    </div>
  );
}

/** Starts a symbol that was stopped from here. */
function Undo({ entry }: { entry: Tracked }) {
  const undo = () => {
    dismiss(entry.id);
    void send("start", entry.key, "undo of a stop from the page");
  };
  return (
    <CommandButton permission="start" label={`Undo: start ${plainKey(entry.key)}`} onClick={undo}>
      Undo
    </CommandButton>
  );
}

const PROOFS: Partial<Record<CommandAction, string>> = {
  halt: "verified, zero orders",
  stop: "verified, zero orders",
  flatten: "verified, flat",
  halt_flatten: "verified, halted and flat",
  approve_flatten: "verified, flat",
};

/** What is still to happen before the command is in force. */
function leftOf({ action, key }: Tracked): string {
  if (action === "halt" || action === "stop") {
    const left = sidesQuoted(key);
    return left ? `${left} sides still quoted` : "waiting";
  }
  if (action === "start" && key !== "*") return startStep(live.symbols.get(key)) ?? "waiting";
  if (!PROOFS[action]) return "waiting";
  const left = positionsHeld(key);
  return left ? `${left} ${left === 1 ? "position" : "positions"} still held` : "waiting";
}

function Stages({ entry }: { entry: Tracked }) {
  const { connected } = useConnection();
  const isQuieting = entry.action === "halt" || entry.action === "stop";
  const waiting = connected ? leftOf(entry) : "unknown: nothing is read from the engine";
  const isLate = isQuieting && entry.acknowledged_ms !== null && entry.verified_ms === null && engineNow() - entry.acknowledged_ms > PROVEN_WITHIN_MS;
  return (
    <ol className="stages">
      <li className="reached">
        sent <Clock atMs={entry.sent_ms} millis />
      </li>
      <li className={entry.acknowledged_ms ? "reached" : ""}>
        acknowledged {entry.acknowledged_ms ? <Clock atMs={entry.acknowledged_ms} millis /> : "\u2026"}
      </li>
      <li className={entry.verified_ms ? "reached" : ""}>
        {PROOFS[entry.action] ?? "verified"}{" "}
        {entry.verified_ms ? <Clock atMs={entry.verified_ms} millis /> : waiting}
      </li>
      {isLate ? <li className="bad">NOT VERIFIED: on the engine's machine run maker halt --all, and maker status</li> : null}
    </ol>
  );
}
