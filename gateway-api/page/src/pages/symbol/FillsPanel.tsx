import { useState } from "react";
import type { Detail, Fill, TradeViewModel } from "../../api/types";
import { grouped, NOTHING, signed } from "../../format/numbers";
import { Toggle } from "../../ui/controls";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";

export function FillsPanel({ detail }: { detail: Detail | null }) {
  const [showsMarket, setShowsMarket] = useState(false);
  const actions = (
    <Toggle pressed={showsMarket} onToggle={() => setShowsMarket(!showsMarket)}>
      Market trades
    </Toggle>
  );
  return (
    <Panel id="fills" title={showsMarket ? "Market trades" : "Own fills"} note={showsMarket ? "taker's side" : "edge, bps"} actions={actions}>
      {!detail ? <Skeleton rows={6} /> : showsMarket ? <Trades trades={detail.trades} /> : <Fills fills={detail.fills} />}
    </Panel>
  );
}

function Fills({ fills }: { fills: readonly Fill[] }) {
  if (!fills.length) return <Empty>No fills yet.</Empty>;
  return (
    <Scroll label="Own fills, newest first">
      <table className="mini" id="fills">
        <tbody>
          {fills.map((fill, index) => (
            <tr key={`${fill.time_ms} ${index}`} title={`${fill.liquidity}, fee ${fill.fee === null ? "hidden" : `${grouped(fill.fee)} ${fill.fee_currency ?? ""}`}`}>
              <td>
                <Clock atMs={fill.time_ms} />
              </td>
              <SideCell side={fill.side} />
              <td className="number">{grouped(fill.size)}</td>
              <td className="number">{grouped(fill.price)}</td>
              <td className="number">{signed(fill.edge_bps, 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Trades({ trades }: { trades: readonly TradeViewModel[] }) {
  if (!trades.length) return <Empty>No trades in this market yet.</Empty>;
  return (
    <Scroll label="Market trades, newest first">
      <table className="mini">
        <tbody>
          {trades.map((trade, index) => (
            <tr key={`${trade.time_ms} ${index}`}>
              <td>
                <Clock atMs={trade.time_ms} />
              </td>
              <SideCell side={trade.side} />
              <td className="number">{grouped(trade.size)}</td>
              <td className="number">{grouped(trade.price)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function SideCell({ side }: { side: TradeViewModel["side"] }) {
  if (!side) return <td className="muted">{NOTHING}</td>;
  return (
    <td className={side === "buy" ? "bid" : "ask"}>
      <b>
        {side === "buy" ? "\u25b2" : "\u25bc"} {side.toUpperCase()}
      </b>
    </td>
  );
}
