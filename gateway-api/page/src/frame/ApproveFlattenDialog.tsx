// The second of two people lets reducing orders out under a halt.
import { useState } from "react";
import { useRight, useSession } from "../app/session";
import { CommandButton } from "../ui/controls";
import { Dialog } from "../ui/Dialog";
import { DialogButtons, Notes, ReasonField, useSending } from "./commandDialog";
import { closeDialog, openDialog } from "./dialogs";
import { scopeWord } from "./scope";

/** Shown to everybody but the person who asked. */
export function ApproveFlatten({ scope, askedBy }: { scope: string; askedBy: string | null }) {
  const session = useSession();
  if (!askedBy || askedBy === session?.name) return null;
  return (
    <CommandButton permission="approve_flatten" label={`Approve flatten of ${scopeWord(scope)}, requested by ${askedBy}`} onClick={() => openDialog.set({ kind: "approve-flatten", scope })}>
      Approve flatten{"\u2026"}
    </CommandButton>
  );
}

export function ApproveFlattenDialog({ scope }: { scope: string }) {
  const [reason, setReason] = useState("");
  const right = useRight("approve_flatten");
  const { problem, isBusy, submit } = useSending();
  const canSend = right.allowed && !isBusy && reason.trim() !== "";
  return (
    <Dialog id="approve-flatten-dialog" title={`Approve the flatten of ${scopeWord(scope)}`} onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSend) void submit({ scope, action: "approve_flatten", reason: reason.trim() });
        }}
      >
        <p className="muted">Orders that reduce positions go out until nothing is held; the halt stays until resumed.</p>
        <ReasonField reason={reason} onReason={setReason} />
        <Notes problem={problem} because={right.because} action="approve_flatten" />
        <DialogButtons>
          <button type="submit" className="primary" id="approve-flatten-confirm" aria-disabled={!canSend || undefined} title={right.because || undefined}>
            {isBusy ? "Sending\u2026" : "Approve"}
          </button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
