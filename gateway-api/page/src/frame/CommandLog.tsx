// Commands sent from here and their progress: sent, acknowledged, verified, each with its time.
import type { Problem } from "../api/types";
import { useWatched } from "../app/external";
import { plainKey, words } from "../format/states";
import { engineNow, useTick } from "../live/clock";
import { dismiss, send, sidesQuoted, tracked, type Tracked } from "../live/commands";
import { useConnection } from "../live/hooks";
import { CommandButton } from "../ui/controls";
import { Clock } from "../ui/time";

const SHOWN_DONE_MS = 8_000;
const SHOWN_MAX = 2;

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
      {entry.problem ? <Failed problem={entry.problem} /> : <Stages entry={entry} />}
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

function Stages({ entry }: { entry: Tracked }) {
  const { connected } = useConnection();
  const isQuieting = entry.action === "halt" || entry.action === "stop";
  const left = sidesQuoted(entry.key);
  const waiting = connected ? (isQuieting && left ? `${left} sides still quoted` : "waiting") : "unknown: the stream is down";
  return (
    <ol className="stages">
      <li className="reached">
        sent <Clock atMs={entry.sent_ms} millis />
      </li>
      <li className={entry.acknowledged_ms ? "reached" : ""}>
        acknowledged {entry.acknowledged_ms ? <Clock atMs={entry.acknowledged_ms} millis /> : "\u2026"}
      </li>
      <li className={entry.verified_ms ? "reached" : ""}>
        {isQuieting ? "verified, zero orders " : "verified "}
        {entry.verified_ms ? <Clock atMs={entry.verified_ms} millis /> : waiting}
      </li>
    </ol>
  );
}

function Failed({ problem }: { problem: Problem }) {
  return (
    <p>
      Not taken: {problem.detail} {problem.hint}
    </p>
  );
}
