// Starts a symbol that the feed or venue knows, traded already or not, with values of its own where given.
import { useState } from "react";
import { useRight } from "../app/session";
import { plainKey } from "../format/states";
import { useAllSymbols } from "../live/hooks";
import { Dialog } from "../ui/Dialog";
import { DialogButtons, Notes, ReasonField, useSending } from "./commandDialog";
import { closeDialog } from "./dialogs";

const OWN = [
  ["max_position", "Max position", "base units, long or short"],
  ["max_loss", "Max loss", "below 0, reporting currency"],
  ["base_spread", "Base spread", "fraction of the price"],
] as const;
type OwnName = (typeof OWN)[number][0];

export function StartDialog() {
  const known = useAllSymbols().filter((row) => row.stopped);
  const [symbol, setSymbol] = useState("");
  const [own, setOwn] = useState<Partial<Record<OwnName, string>>>({});
  const [reason, setReason] = useState("start from the page");
  const right = useRight("start");
  const { problem, isBusy, submit } = useSending();
  const name = symbol.trim();
  const canSend = right.allowed && !isBusy && name !== "" && reason.trim() !== "";
  const more = { symbol: name, venue: null, ...Object.fromEntries(Object.entries(own).filter(([, text]) => text.trim() !== "")) };
  return (
    <Dialog id="start-dialog" title="Start a symbol" onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (canSend) void submit({ scope: `:${name}`, action: "start", reason: reason.trim(), more });
        }}
      >
        <p className="muted">Any symbol that the feed or venue knows: its contract is fetched, its book built, its volatility measured; then it is quoted.</p>
        <label>
          <span>Symbol</span>
          <input id="start-symbol" data-first value={symbol} list="start-known" required maxLength={128} autoComplete="off" spellCheck={false} placeholder="BTC/USDT" onChange={(event) => setSymbol(event.target.value)} />
        </label>
        <datalist id="start-known">
          {known.map((row) => (
            <option key={row.key} value={plainKey(row.key)} />
          ))}
        </datalist>
        {OWN.map(([field, title, unit]) => (
          <label key={field}>
            <span>{title}</span>
            <input name={field} value={own[field] ?? ""} inputMode="decimal" autoComplete="off" placeholder={`as configured; ${unit}`} onChange={(event) => setOwn({ ...own, [field]: event.target.value })} />
          </label>
        ))}
        <ReasonField reason={reason} onReason={setReason} />
        <Notes problem={problem} because={right.because} action="start" />
        <DialogButtons>
          <button type="submit" className="primary" id="start-confirm" aria-disabled={!canSend || undefined} title={right.because || undefined}>
            {isBusy ? "Sending\u2026" : `Start ${name}`}
          </button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
