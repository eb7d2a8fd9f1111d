// Confirms that every stopped symbol is to be quoted again.
import { useState } from "react";
import { useRight } from "../app/session";
import { plainKey } from "../format/states";
import { useAllSymbols } from "../live/hooks";
import { Dialog } from "../ui/Dialog";
import { DialogButtons, Notes, ReasonField, useSending } from "./commandDialog";
import { closeDialog } from "./dialogs";

const NAMED_MAX = 8;

function named(keys: readonly string[]): string {
  const shown = keys.slice(0, NAMED_MAX).map(plainKey).join(", ");
  return keys.length > NAMED_MAX ? `${shown} and ${keys.length - NAMED_MAX} more` : shown;
}

export function StartAllDialog() {
  const stopped = useAllSymbols().filter((row) => row.stopped).map((row) => row.key);
  const [reason, setReason] = useState("start all from the page");
  const right = useRight("start");
  const { problem, isBusy, submit } = useSending();
  const canSend = right.allowed && !isBusy && reason.trim() !== "";
  return (
    <Dialog id="start-all-dialog" title="Start quoting" onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSend) void submit({ scope: "*", action: "start", reason: reason.trim() });
        }}
      >
        <p>
          Quotes {stopped.length} stopped {stopped.length === 1 ? "symbol" : "symbols"} again: {named(stopped)}.
        </p>
        <ReasonField reason={reason} onReason={setReason} />
        <Notes problem={problem} because={right.because} action="start" />
        <DialogButtons>
          <button type="submit" className="primary" id="start-all-confirm" aria-disabled={!canSend || undefined} title={right.because || undefined}>
            {isBusy ? "Sending\u2026" : "Start all"}
          </button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
