// Parts of the dialogs that send a command: sending, reason, notes and buttons.
import { useState, type ReactNode } from "react";
import type { CommandAction, Problem } from "../api/types";
import { useWatched } from "../app/external";
import { route } from "../app/location";
import { send, unreceived } from "../live/commands";
import { useIsAway } from "../live/away";
import { live } from "../live/store";
import { closeDialog } from "./dialogs";
import { keysOfScope } from "./scope";

async function sendAll({ scope, action, reason, more }: AskedCommand): Promise<Problem | null> {
  const answers = await Promise.all(keysOfScope(scope, live.keys).map((key) => send(action, key, reason, more)));
  return answers.find((problem) => problem !== null) ?? null;
}

interface AskedCommand {
  scope: string;
  action: CommandAction;
  reason: string;
  /** Further fields of the request. */
  more?: Record<string, unknown>;
}

export function useSending() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (asked: AskedCommand) => {
    setBusy(true);
    const found = await sendAll(asked);
    setBusy(false);
    setProblem(found);
    if (!found) closeDialog();
  };
  return { problem, isBusy, submit };
}

export function ReasonField({ reason, onReason }: { reason: string; onReason: (reason: string) => void }) {
  return (
    <label>
      <span>Reason</span>
      <input id="command-reason" value={reason} required maxLength={1000} autoComplete="off" onChange={(event) => onReason(event.target.value)} />
    </label>
  );
}

interface NotesProps {
  problem: Problem | null;
  because: string;
  action: CommandAction;
}

export function Notes({ problem, because, action }: NotesProps) {
  const isAway = useIsAway();
  const { page } = useWatched(route);
  return (
    <>
      {page === "replay" ? <p className="warn">The page shows a past time; this affects the engine now.</p> : null}
      {isAway ? <p className="warn">Nothing is read from the engine: the command is sent, but its effect cannot be verified here.</p> : null}
      {because ? <p className="warn">{because}</p> : null}
      <p className="error" role="alert">
        {unreceived({ action, problem })}
      </p>
    </>
  );
}

/** Cancel gets the initial focus, so that a stray Enter halts nothing. */
export function DialogButtons({ children }: { children: ReactNode }) {
  return (
    <div className="buttons">
      <button type="button" id="dialog-cancel" data-first onClick={closeDialog}>
        Cancel
      </button>
      {children}
    </div>
  );
}
