// The kill switch: scope, action, reason; with a real exchange, also the scope typed as confirmation.
import { useState } from "react";
import type { CommandAction } from "../api/types";
import { useRight } from "../app/session";
import { plainKey, venueOf } from "../format/states";
import { useAccount, useEngine, useKeys } from "../live/hooks";
import { live } from "../live/store";
import { Dialog } from "../ui/Dialog";
import { DialogButtons, Notes, ReasonField, useSending } from "./commandDialog";
import { closeDialog } from "./dialogs";
import { scopeWord } from "./scope";

type HaltAction = "halt" | "stop";

const ACTIONS: Record<HaltAction, { title: string; text: string }> = {
  halt: { title: "Halt", text: "cancel every order now and latch: no orders until a resume" },
  stop: { title: "Stop quoting", text: "cancel the quotes; a start brings them back" },
};

export function HaltDialog({ scope: first }: { scope: string }) {
  const engine = useEngine();
  const [scope, setScope] = useState(first);
  const [action, setAction] = useState<HaltAction>("halt");
  const [reason, setReason] = useState("manual halt from the page");
  const [typed, setTyped] = useState("");
  const right = useRight(action);
  const { problem, isBusy, submit } = useSending();
  const isLive = engine?.mode === "live";
  const word = scopeWord(scope);
  const isConfirmed = !isLive || typed.trim().toUpperCase() === word.toUpperCase();
  const canSend = isConfirmed && right.allowed && !isBusy && reason.trim() !== "";
  return (
    <Dialog id="halt-dialog" title={ACTIONS[action].title + " trading"} onClose={closeDialog}>
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
        <p className="muted small">Positions stay as they are: nothing is bought or sold.</p>
        <Notes problem={problem} because={right.because} />
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
        <Notes problem={problem} because={right.because} />
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

function ActionField({ action, onAction }: { action: HaltAction; onAction: (action: HaltAction) => void }) {
  return (
    <fieldset>
      <legend>Action</legend>
      {(["halt", "stop"] as const).map((each) => (
        <label key={each} className="choice">
          <input type="radio" name="action" checked={action === each} onChange={() => onAction(each)} />
          <span>
            <b>{ACTIONS[each].title}</b>: {ACTIONS[each].text}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
