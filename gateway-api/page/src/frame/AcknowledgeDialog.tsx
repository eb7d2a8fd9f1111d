import { useState } from "react";
import { problemFrom } from "../api/client";
import type { Problem } from "../api/types";
import { useRight } from "../app/session";
import { alertTitle, plainReason } from "../format/reasons";
import { plainKey } from "../format/states";
import { acknowledge } from "../live/commands";
import { useAlerts } from "../live/hooks";
import { Dialog } from "../ui/Dialog";
import { closeDialog } from "./dialogs";

export function AcknowledgeDialog({ alertId }: { alertId: string }) {
  const alert = useAlerts().find((each) => each.alert_id === alertId);
  const right = useRight("acknowledge");
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = () => {
    if (right.allowed) acknowledge(alertId, note).then(closeDialog, (error: unknown) => setProblem(problemFrom(error)));
  };
  return (
    <Dialog id="acknowledge-dialog" title="Acknowledge the alert" onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <p>
          <b>{alert ? alertTitle(alert.name) : ""}</b> {alert ? plainKey(alert.key) : ""}
        </p>
        <p className="muted">{alert ? plainReason(alert.message) : ""}</p>
        <label>
          <span>Note</span>
          <input data-first value={note} maxLength={1000} autoComplete="off" onChange={(event) => setNote(event.target.value)} />
        </label>
        <p className="error" role="alert">
          {problem ? `${problem.detail} ${problem.hint}` : right.because}
        </p>
        <div className="buttons">
          <button type="button" onClick={closeDialog}>
            Cancel
          </button>
          <button type="submit" className="primary" aria-disabled={!right.allowed || undefined}>
            Acknowledge
          </button>
        </div>
      </form>
    </Dialog>
  );
}
