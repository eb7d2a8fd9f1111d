import type { OwnSide, SymbolStatus } from "../../api/types";
import { go } from "../../app/location";
import { symbolHash } from "../../app/routes";
import { fixed, grouped, percent, signed, signOf, trimmed } from "../../format/numbers";
import { MAKER_LOOKS, plainKey } from "../../format/states";
import { ApproveFlatten } from "../../frame/ApproveFlattenDialog";
import { openDialog } from "../../frame/dialogs";
import { useKeys } from "../../live/hooks";
import { CommandButton } from "../../ui/controls";
import { Icon, StateWord } from "../../ui/Icon";
import { useReason } from "../../ui/Reason";
import { useMoment } from "../../ui/moment";
import { Age } from "../../ui/time";
import { ownSpreadBps } from "../overview/summary";
import { Switch } from "../overview/SymbolRow";

export function SymbolHead({ status }: { status: SymbolStatus }) {
  const { market } = status;
  const { isReplay } = useMoment();
  return (
    <div className="symbol-head" data-key={status.key}>
      {isReplay ? <b className="symbol-name">{status.symbol}</b> : <SymbolChoice symbolKey={status.key} />}
      <span className="muted">{status.venue}</span>
      <StateWord look={MAKER_LOOKS[status.state]} />
      <Side name="Bid" side={status.bid} symbolKey={status.key} className="bid" />
      <Side name="Ask" side={status.ask} symbolKey={status.key} className="ask" />
      <dl className="figures">
        <Figure name="Mid" value={grouped(market?.mid)} />
        <Figure name="Spread, own / market" value={`${fixed(ownSpreadBps(status), 1)} / ${fixed(market?.spread_bps, 1)} bps`} />
        <Figure name="Volatility" value={`${fixed(status.features?.volatility_bps, 2)} bps/\u221as`} title={status.features?.volatility_ready ? "" : "Still warming up"} />
        <Figure name="Uptime" value={percent(status.activity.two_sided_share)} />
        <div>
          <dt>Data age</dt>
          <dd>
            <Age atMs={market?.event_time_ms ?? status.inventory?.marked_ms} />
          </dd>
        </div>
      </dl>
      {isReplay ? null : <Buttons status={status} />}
    </div>
  );
}

function Figure({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function SymbolChoice({ symbolKey }: { symbolKey: string }) {
  const keys = useKeys();
  return (
    <select id="symbol-choice" className="symbol-name" aria-label="Symbol" value={symbolKey} onChange={(event) => go(symbolHash(event.target.value))}>
      {keys.map((key) => (
        <option key={key} value={key}>
          {plainKey(key)}
        </option>
      ))}
    </select>
  );
}

interface SideProps {
  name: string;
  side: OwnSide;
  symbolKey: string;
  className: string;
}

/** Our best order on a side, or the reason why there is none. */
function Side({ name, side, symbolKey, className }: SideProps) {
  const because = useReason(side.reason, symbolKey);
  if (!side.quote) {
    return (
      <span className="side-reason" data-side={className} title={because}>
        <Icon shape="ring" tone="warn" />
        <b>No {name.toLowerCase()}</b> {because}
      </span>
    );
  }
  return (
    <span className="side-quote" data-side={className}>
      <small>{name}</small> <b className={className}>{grouped(side.quote.price)}</b> <small>{`\u00d7 ${trimmed(side.quote.size)}, ${signed(side.quote.distance_bps, 1)} bps`}</small>
    </span>
  );
}

function Buttons({ status }: { status: SymbolStatus }) {
  const isHalted = status.risk?.own_state === "HALT";
  return (
    <span className="symbol-buttons">
      <Switch symbolKey={status.key} symbol={status.symbol} isStopped={status.stopped} />
      {status.stopped ? (
        <CommandButton permission="stop" label={`Remove ${status.symbol}`} onClick={() => openDialog.set({ kind: "remove", scope: status.key })}>
          Remove{"\u2026"}
        </CommandButton>
      ) : null}
      {signOf(status.inventory?.position) ? (
        <CommandButton permission="flatten" label={`Flatten ${status.symbol}`} onClick={() => openDialog.set({ kind: "halt", scope: status.key, action: isHalted ? "halt_flatten" : "flatten" })}>
          Flatten{"\u2026"}
        </CommandButton>
      ) : null}
      <ApproveFlatten scope={status.key} askedBy={status.risk?.flatten_asked_by ?? null} />
      {isHalted ? (
        <button type="button" onClick={() => openDialog.set({ kind: "resume", scope: status.key })}>
          Resume{"\u2026"}
        </button>
      ) : (
        <CommandButton permission="halt" className="halt" label={`Halt ${status.symbol}`} onClick={() => openDialog.set({ kind: "halt", scope: status.key })}>
          Halt{"\u2026"}
        </CommandButton>
      )}
    </span>
  );
}
