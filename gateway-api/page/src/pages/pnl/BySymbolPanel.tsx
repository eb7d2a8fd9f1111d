import type { Profit, SymbolStatus } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { drawable, grouped, negated } from "../../format/numbers";
import { useAllSymbols } from "../../live/hooks";
import { Money } from "../../ui/Money";
import { Panel } from "../../ui/Panel";
import { Empty } from "../../ui/states";
import { VirtualRows } from "../../ui/VirtualRows";
import { newestMs } from "../overview/summary";
import { attributionOf } from "./attribution";
import { Download } from "./EquityPanel";

const ROW_PX = 28;
type Earned = SymbolStatus & { pnl: Profit };
const hasProfit = (row: SymbolStatus): row is Earned => row.pnl !== null;

export function BySymbolPanel() {
  const rows = useAllSymbols();
  const earned = rows.filter(hasProfit).sort((one, other) => (drawable(other.pnl.total_reporting) ?? 0) - (drawable(one.pnl.total_reporting) ?? 0));
  const byKey = new Map(earned.map((row) => [row.key, row]));
  const download = <Download path="/history/fills" values={{ from: "-24h", limit: "10000" }} name="fills" />;
  return (
    <Panel id="pnl-by-symbol" title="By symbol" note="best first" actions={<>Fills {download}</>} atMs={newestMs(rows)}>
      {earned.length ? (
        <VirtualRows label="Profit by symbol" className="money-table" rowHeight={ROW_PX} keys={[...byKey.keys()]} head={<Head />} row={(key) => <Row key={key} row={byKey.get(key)} />} />
      ) : (
        <Empty>No symbol has a profit or a loss yet: it begins with the first fill.</Empty>
      )}
    </Panel>
  );
}

const COLUMNS = ["Total PnL", "Session PnL", "Capture", "Inventory", "Fees", "Residual", "Realised", "Unrealised", "Max drawdown"];

/** Which columns narrow screens leave out. */
const columnClass = (index: number) => (index >= 5 ? "wide" : index >= 2 ? "mid" : "");

function Head() {
  return (
    <tr>
      <th scope="col">Symbol</th>
      {COLUMNS.map((name) => (
        <th key={name} scope="col" className={`number ${columnClass(COLUMNS.indexOf(name))}`}>
          {name}
        </th>
      ))}
      <th scope="col" className="number wide">
        Fills
      </th>
      <th scope="col" className="wide">
        Currency
      </th>
    </tr>
  );
}

function Row({ row }: { row: Earned | undefined }) {
  if (!row) return null;
  const { capture, inventory, fees, residual, realised, unrealised, total } = attributionOf([row.pnl]);
  const columns = [total, row.pnl.session, capture, inventory, fees, residual, realised, unrealised, negated(row.pnl.max_drawdown)];
  return (
    <tr data-key={row.key}>
      <th scope="row">
        <a href={symbolHash(row.key)}>{row.symbol}</a>
      </th>
      {columns.map((text, index) => (
        <td key={index} className={`number ${columnClass(index)}`}>
          <Money text={text} decimals={4} />
        </td>
      ))}
      <td className="number wide">{grouped(String(row.activity.fills))}</td>
      <td className="muted wide">{row.pnl.currency}</td>
    </tr>
  );
}
