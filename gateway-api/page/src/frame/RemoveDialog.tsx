// Removes a stopped symbol: its orders end, then its market data; what is held has to be meant.
import { useState } from "react";
import { useRight } from "../app/session";
import { plainKey } from "../format/states";
import { useSymbol } from "../live/hooks";
import { Dialog } from "../ui/Dialog";
import { DialogButtons, Notes, ReasonField, useSending } from "./commandDialog";
import { closeDialog } from "./dialogs";

export function RemoveDialog({ scope }: { scope: string }) {
  const inventory = useSymbol(scope)?.inventory;
  const held = inventory && Number(inventory.position) !== 0 ? `${inventory.position} ${inventory.base_currency}` : null;
  const [reason, setReason] = useState("");
  const [isForced, setForced] = useState(false);
  const right = useRight("stop");
  const { problem, isBusy, submit } = useSending();
  const canSend = right.allowed && !isBusy && reason.trim() !== "" && (held === null || isForced);
  return (
    <Dialog id="remove-dialog" title={`Remove ${plainKey(scope)}`} onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSend) void submit({ scope, action: "remove", reason: reason.trim(), more: { force: isForced } });
        }}
      >
        <p className="muted">Its orders are cancelled; once the venue shows none, its market data ends too, also after restarts. A start brings it back.</p>
        {held ? (
          <label className="choice">
            <input type="checkbox" id="remove-force" checked={isForced} onChange={(event) => setForced(event.target.checked)} />
            <span>
              Although <b>{held}</b> are held: they stay in the ledger, and count at their last mark
            </span>
          </label>
        ) : null}
        <ReasonField reason={reason} onReason={setReason} />
        <Notes problem={problem} because={right.because} action="remove" />
        <DialogButtons>
          <button type="submit" className="halt" id="remove-confirm" aria-disabled={!canSend || undefined} title={right.because || undefined}>
            {isBusy ? "Sending\u2026" : `Remove ${plainKey(scope)}`}
          </button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
