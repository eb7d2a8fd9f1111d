// The parts of total PnL, as bars from zero, including the residual.
import { drawable } from "../../format/numbers";
import { useAllSymbols } from "../../live/hooks";
import { Money } from "../../ui/Money";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty } from "../../ui/states";
import { newestMs } from "../overview/summary";
import { attributionOf, profitsByCurrency, type Attribution } from "./attribution";

const PARTS: readonly (readonly [keyof Attribution, string, string])[] = [
  ["capture", "Spread capture", "Price improvement of fills over the mid"],
  ["inventory", "Inventory", "Effect of mid moves on the position, including adverse selection"],
  ["fees", "Fees", "Fees paid to the venue; a rebate is positive"],
  ["balance", "of which balancing", "What taking liquidity to reduce positions earned: part of capture and fees"],
  ["residual", "Residual", "Total PnL less the parts: zero"],
];

export function AttributionPanel() {
  const rows = useAllSymbols();
  const byCurrency = [...profitsByCurrency(rows)];
  return (
    <Panel id="attribution" title="Attribution" note="of the total PnL" atMs={newestMs(rows)}>
      {byCurrency.length ? (
        <Scroll label="Attribution" className="pad">
          {byCurrency.map(([currency, profits]) => (
            <Parts key={currency} currency={currency} attribution={attributionOf(profits)} />
          ))}
          <p className="muted small">Markouts after 1, 5 and 30 s, funding and hedges are not measured by the engine.</p>
        </Scroll>
      ) : (
        <Empty>Nothing to attribute before the first fill.</Empty>
      )}
    </Panel>
  );
}

function Parts({ currency, attribution }: { currency: string; attribution: Attribution }) {
  const values = PARTS.map(([name]) => Math.abs(drawable(attribution[name]) ?? 0));
  const largest = Math.max(...values, Math.abs(drawable(attribution.total) ?? 0), 1e-9);
  return (
    <table className="attribution">
      <thead>
        <tr>
          <th scope="col">Part</th>
          <th scope="col" className="bar-column">
            <span className="hidden-text">Share</span>
          </th>
          <th scope="col" className="number">
            {currency}
          </th>
        </tr>
      </thead>
      <tbody>
        {[...PARTS, ["total", "Total PnL", "Realised and unrealised, less fees"] as const].map(([name, title, about]) => (
          <tr key={name} className={name} title={about}>
            <th scope="row">{title}</th>
            <td>
              <SignedBar value={drawable(attribution[name]) ?? 0} largest={largest} />
            </td>
            <td className="number">
              <Money text={attribution[name]} decimals={4} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function SignedBar({ value, largest }: { value: number; largest: number }) {
  const width = (Math.abs(value) / largest) * 50;
  return (
    <span className={`signed-bar ${value < 0 ? "bad" : "good"}`} aria-hidden="true">
      <i style={{ left: `${value < 0 ? 50 - width : 50}%`, width: `${width}%` }} />
    </span>
  );
}
