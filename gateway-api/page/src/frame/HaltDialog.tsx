// The kill switch: scope, action, reason; with a real exchange, also the scope typed as confirmation.
import { useState } from "react";
import type { CommandAction, Permission } from "../api/types";
import { useRight } from "../app/session";
import { plainKey, venueOf } from "../format/states";
import { useAccount, useEngine, useKeys } from "../live/hooks";
import { live } from "../live/store";
import { Dialog } from "../ui/Dialog";
import { DialogButtons, Notes, ReasonField, useSending } from "./commandDialog";
import { closeDialog, type KillAction } from "./dialogs";
import { scopeWord } from "./scope";

interface Choice {
  title: string;
  text: string;
  permission: Permission;
}

const ACTIONS: Record<KillAction, Choice> = {
  halt: { title: "Halt", text: "cancel every order now; stays halted until resumed", permission: "halt" },
  halt_flatten: { title: "Halt and flatten", text: "halt, then close the positions; stays halted until resumed", permission: "flatten" },
  stop: { title: "Stop quoting", text: "cancel the quotes; a start brings them back", permission: "stop" },
  flatten: { title: "Flatten", text: "stop quoting and close the positions; a start quotes again", permission: "flatten" },
};
const STAYS = "Positions stay as they are: nothing is bought or sold.";
const CLOSES = "Positions are closed in slices by IOC limit orders within balance.cost_bps_max of the mid and a share of the visible depth.";

export function HaltDialog({ scope: first, action: firstAction = "halt" }: { scope: string; action?: KillAction | undefined }) {
  const engine = useEngine();
  const [scope, setScope] = useState(first);
  const [action, setAction] = useState<KillAction>(firstAction);
  const [reason, setReason] = useState("manual, from the page");
  const [typed, setTyped] = useState("");
  const right = useRight(ACTIONS[action].permission);
  const { problem, isBusy, submit } = useSending();
  const isLive = engine?.mode === "live";
  const word = scopeWord(scope);
  const isConfirmed = !isLive || typed.trim().toUpperCase() === word.toUpperCase();
  const canSend = isConfirmed && right.allowed && !isBusy && reason.trim() !== "";
  return (
    <Dialog id="halt-dialog" title={action === "halt" ? "Halt trading" : ACTIONS[action].title} onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSend) void submit({ scope, action, reason: reason.trim() });
        }}
      >
        <ScopeField scope={scope} onScope={setScope} />
        <ActionField action={action} onAction={setAction} />
        <ReasonField reason={reason} onReason={setReason} />
        {isLive ? (
          <label>
            <span>
              Type <b>{word}</b>
            </span>
            <input id="halt-typed" value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" spellCheck={false} />
          </label>
        ) : null}
        <p className="muted small">{ACTIONS[action].permission === "flatten" ? CLOSES : STAYS}</p>
        <Notes problem={problem} because={right.because} action={action} />
        <DialogButtons>
          <button type="submit" className="halt" id="halt-confirm" aria-disabled={!canSend || undefined} title={right.because || undefined}>
            {isBusy ? "Sending\u2026" : `${ACTIONS[action].title} ${word}`}
          </button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

export function ResumeDialog({ scope }: { scope: string }) {
  const account = useAccount();
  const [reason, setReason] = useState("");
  const askedBy = scope === "*" ? account?.resume_asked_by : live.symbols.get(scope)?.risk?.resume_asked_by;
  const isFirst = (account?.resume_people ?? 1) > 1 && !askedBy;
  const action: CommandAction = isFirst ? "resume_request" : "resume";
  const right = useRight(action);
  const { problem, isBusy, submit } = useSending();
  const canSend = right.allowed && !isBusy && reason.trim() !== "";
  return (
    <Dialog id="resume-dialog" title={isFirst ? "Request a resume" : "Resume trading"} onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSend) void submit({ scope, action, reason: reason.trim() });
        }}
      >
        <p className="muted">
          {isFirst ? "Ending a halt takes two people: you request it, another person resumes." : "Ends the halt. Quoting restarts unless something else prevents it."}
          {askedBy ? ` Requested by ${askedBy}.` : ""}
        </p>
        <ReasonField reason={reason} onReason={setReason} />
        <Notes problem={problem} because={right.because} action={action} />
        <DialogButtons>
          <button type="submit" className="primary" id="resume-confirm" aria-disabled={!canSend || undefined} title={right.because || undefined}>
            {isBusy ? "Sending\u2026" : `${isFirst ? "Request resume of" : "Resume"} ${scopeWord(scope)}`}
          </button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}

function ScopeField({ scope, onScope }: { scope: string; onScope: (scope: string) => void }) {
  const keys = useKeys();
  const venues = [...new Set(keys.map(venueOf))];
  return (
    <label>
      <span>Scope</span>
      <select id="halt-scope" value={scope} onChange={(event) => onScope(event.target.value)}>
        <option value="*">All: the whole account</option>
        {venues.map((venue) => (
          <option key={venue} value={`${venue}:*`}>
            Venue {venue}: each of its symbols
          </option>
        ))}
        {keys.map((key) => (
          <option key={key} value={key}>
            {plainKey(key)} at {venueOf(key)}
          </option>
        ))}
      </select>
    </label>
  );
}

function ActionField({ action, onAction }: { action: KillAction; onAction: (action: KillAction) => void }) {
  return (
    <fieldset>
      <legend>Action</legend>
      {(["halt", "halt_flatten", "stop", "flatten"] as const).map((each) => (
        <label key={each} className="choice">
          <input type="radio" name="action" value={each} checked={action === each} onChange={() => onAction(each)} />
          <span>
            <b>{ACTIONS[each].title}</b>: {ACTIONS[each].text}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
