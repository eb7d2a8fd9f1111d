// Positions, largest share of the limit first, and rebalancing signals.
import type { Inventory, SymbolStatus } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { grouped, percent, shortened, trimmed } from "../../format/numbers";
import { useAllSymbols, useCalmAccount, useEngine } from "../../live/hooks";
import { BiasBar } from "../../ui/controls";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { newestMs } from "./summary";

const SHOWN = 12;

type Held = SymbolStatus & { inventory: Inventory };

const isHeld = (row: SymbolStatus): row is Held => row.inventory !== null;

export function InventoryPanel() {
  const rows = useAllSymbols();
  const account = useCalmAccount();
  const engine = useEngine();
  const held = rows.filter(isHeld).sort((one, other) => Math.abs(other.inventory.bias) - Math.abs(one.inventory.bias));
  const signals = held.filter((row) => row.inventory.rebalance_action !== "none").length;
  return (
    <Panel id="inventory" title="Inventory" note={signals ? `${signals} to rebalance` : null} atMs={newestMs(rows)}>
      {rows.length === 0 ? (
        <Skeleton rows={6} />
      ) : (
        <>
          <p className="panel-line">
            Gross <b>{account ? grouped(shortened(account.gross_notional, 0)) : ""}</b> {engine?.reporting_currency}
          </p>
          {held.length ? <List held={held} /> : <Empty>No positions. The first fill appears here.</Empty>}
        </>
      )}
    </Panel>
  );
}

function List({ held }: { held: readonly Held[] }) {
  return (
    <Scroll label="Positions, of their maximum" className="panel-list">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col">
              <span className="hidden-text">Bar</span>
            </th>
            <th scope="col" className="number">
              Of maximum
            </th>
            <th scope="col">Rebalance</th>
          </tr>
        </thead>
        <tbody>
          {held.slice(0, SHOWN).map((row) => (
            <tr key={row.key} title={`${trimmed(row.inventory.position)} ${row.inventory.base_currency}`}>
              <th scope="row">
                <a href={symbolHash(row.key)}>{row.symbol}</a>
              </th>
              <td>
                <BiasBar share={row.inventory.bias} label={`${row.symbol}: ${percent(row.inventory.bias)} of the maximum`} />
              </td>
              <td className="number">{percent(row.inventory.bias)}</td>
              <td>
                <Rebalance inventory={row.inventory} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** A triangle and a word; the urgency from 0 to 1. */
export function Rebalance({ inventory }: { inventory: Inventory }) {
  const { rebalance_action: action, rebalance_size: size, rebalance_urgency: urgency } = inventory;
  if (action === "none") return <span className="muted">none</span>;
  const isBuy = action === "buy";
  return (
    <span className={isBuy ? "bid" : "ask"} title={`${action} ${trimmed(size)} ${inventory.base_currency}, urgency ${percent(urgency)}`}>
      {isBuy ? "\u25b2" : "\u25bc"} {action.toUpperCase()} <small>{percent(urgency)}</small>
    </span>
  );
}
