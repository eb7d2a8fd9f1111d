import { memo } from "react";
import type { OwnQuote, SymbolStatus } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { fixed, grouped, NOTHING, percent, signed, trimmed, withSign } from "../../format/numbers";
import { MAKER_LOOKS } from "../../format/states";
import { send } from "../../live/commands";
import { useCalmSymbol, useSymbol } from "../../live/hooks";
import { BiasBar, CommandButton } from "../../ui/controls";
import { StateWord } from "../../ui/Icon";
import { useReason } from "../../ui/Reason";
import { Money } from "../../ui/Money";
import { Age } from "../../ui/time";
import { ownSpreadBps } from "./summary";

type Column = readonly [className: string, title: string, note?: string];

/** Cells of the class `wide` are hidden on a phone. */
const COLUMNS: readonly Column[] = [
  ["c-state", "State"],
  ["c-symbol", "Symbol"],
  ["c-price number wide", "Mid"],
  ["number", "Own bid", "bps"],
  ["number", "Own ask", "bps"],
  ["c-spread number wide", "Spread", "/ mkt"],
  ["c-position wide", "Position"],
  ["c-pnl number", "PnL", "session"],
  ["c-fills number wide", "Fills"],
  ["c-uptime number wide", "Uptime"],
  ["c-age number wide", "Age"],
];

export function TableHead() {
  return (
    <tr>
      {COLUMNS.map(([className, title, note]) => (
        <th key={title} scope="col" className={className}>
          {title} {note ? <small>{note}</small> : null}
        </th>
      ))}
      <th scope="col" className="c-switch">
        <span className="hidden-text">Start or stop</span>
      </th>
    </tr>
  );
}

interface SymbolRowProps {
  symbolKey: string;
  index: number;
  isFocused: boolean;
  onFocus: (key: string) => void;
}

export const SymbolRow = memo(function SymbolRow({ symbolKey, index, isFocused, onFocus }: SymbolRowProps) {
  const row = useSymbol(symbolKey);
  if (!row) return null;
  return (
    <tr data-key={symbolKey} aria-rowindex={index + 2} aria-current={isFocused || undefined} onClick={() => onFocus(symbolKey)}>
      <td>
        <StateWord look={MAKER_LOOKS[row.state]} />
      </td>
      <th scope="row">
        <a href={symbolHash(row.key)} title={`Open ${row.symbol} at ${row.venue}`}>
          {row.symbol}
        </a>
      </th>
      <Cells row={row} />
      <td className="switch">
        <Switch symbolKey={row.key} symbol={row.symbol} isStopped={row.stopped} />
      </td>
    </tr>
  );
});

function Cells({ row }: { row: SymbolStatus }) {
  return (
    <>
      <td className="number wide mid-price" title={row.market ? `Market ${grouped(row.market.bid)} / ${grouped(row.market.ask)}` : "The last mid received: the mark"}>
        {grouped(row.market ? row.market.mid : row.inventory?.mark)}
      </td>
      <Side {...row.bid.quote} reason={row.bid.reason} symbolKey={row.key} className="bid" />
      <Side {...row.ask.quote} reason={row.ask.reason} symbolKey={row.key} className="ask" />
      <td className="number wide">
        {fixed(ownSpreadBps(row), 1)} <span className="muted">/ {fixed(row.market?.spread_bps, 1)}</span>
      </td>
      <td className="wide">
        <Position row={row} />
      </td>
      <Pnl symbolKey={row.key} />
      <td className="number wide fills">{grouped(String(row.activity.fills))}</td>
      <td className="number wide uptime">{percent(row.activity.two_sided_share)}</td>
      <td className="number wide">
        <Age atMs={row.market?.event_time_ms ?? row.inventory?.marked_ms} />
      </td>
    </>
  );
}

interface SideProps extends Partial<OwnQuote> {
  reason: string | null;
  symbolKey: string;
  className: string;
}

/** Our best order, or the reason why there is none. */
const Side = memo(function Side({ price, size, distance_bps, status, reason, symbolKey, className }: SideProps) {
  const because = useReason(reason, symbolKey);
  if (price === undefined) {
    return (
      <td className="none" title={because}>
        {because}
      </td>
    );
  }
  return (
    <td title={`size ${trimmed(size)}, ${status}`}>
      <span className="own-quote">
        <b className={className}>{grouped(price)}</b>
        <span className="muted">{signed(distance_bps, 1)}</span>
      </span>
    </td>
  );
});

/** Session PnL, with the other periods in the title, from the same snapshot as the strip. */
function Pnl({ symbolKey }: { symbolKey: string }) {
  const pnl = useCalmSymbol(symbolKey)?.pnl;
  const title = pnl ? `Session PnL ${withSign(pnl.session)}, day PnL ${withSign(pnl.day)}, total PnL ${withSign(pnl.total)} ${pnl.currency}` : undefined;
  return (
    <td className="number" title={title}>
      <Money text={pnl?.session} />
    </td>
  );
}

function Position({ row }: { row: SymbolStatus }) {
  const { inventory } = row;
  if (!inventory) return <span className="muted">{NOTHING}</span>;
  return (
    <span className="stock" title={`${trimmed(inventory.position)} ${inventory.base_currency}`}>
      <BiasBar share={inventory.bias} label={`${percent(inventory.bias)} of the maximum`} />
      <span>{trimmed(inventory.position)}</span>
    </span>
  );
}

interface SwitchProps {
  symbolKey: string;
  symbol: string;
  isStopped: boolean;
}

export const Switch = memo(function Switch({ symbolKey, symbol, isStopped }: SwitchProps) {
  const action = isStopped ? "start" : "stop";
  const word = isStopped ? "Start" : "Stop";
  return (
    <CommandButton permission={action} label={`${word} ${symbol}`} onClick={() => void send(action, symbolKey, "from the page")}>
      {word}
    </CommandButton>
  );
});
