// Our spread against the market's, widest first.
import type { SymbolStatus } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { fixed } from "../../format/numbers";
import { useAllSymbols } from "../../live/hooks";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { median, newestMs, ownSpreadBps } from "./summary";

const SHOWN = 12;

interface Quoted {
  row: SymbolStatus;
  own: number;
  market: number;
}

function quoted(rows: readonly SymbolStatus[]): Quoted[] {
  return rows
    .flatMap((row) => {
      const [own, market] = [ownSpreadBps(row), row.market?.spread_bps ?? null];
      return own === null || market === null ? [] : [{ row, own, market }];
    })
    .sort((one, other) => other.own - other.market - (one.own - one.market));
}

export function QuotesPanel() {
  const rows = useAllSymbols();
  const both = quoted(rows);
  const note = `${both.length} of ${rows.length} on both sides`;
  return (
    <Panel id="quotes" title="Quotes" note={rows.length ? note : null} atMs={newestMs(rows)}>
      {rows.length === 0 ? <Skeleton rows={6} /> : both.length ? <Body both={both} /> : <Empty>No symbol is quoted on both sides. The table below gives the reasons.</Empty>}
    </Panel>
  );
}

function Body({ both }: { both: readonly Quoted[] }) {
  const widest = Math.max(...both.map((each) => Math.max(each.own, each.market)));
  return (
    <>
      <p className="panel-line">
        Median own <b>{fixed(median(both.map((each) => each.own)), 1)}</b>, market <b>{fixed(median(both.map((each) => each.market)), 1)}</b> bps
      </p>
      <Scroll label="Own spread against the market's" className="panel-list">
        <table className="mini">
          <thead>
            <tr>
              <th scope="col">Symbol</th>
              <th scope="col">Own and market</th>
              <th scope="col" className="number">
                Own
              </th>
              <th scope="col" className="number">
                Mkt, bps
              </th>
            </tr>
          </thead>
          <tbody>
            {both.slice(0, SHOWN).map((each) => (
              <Row key={each.row.key} quoted={each} widest={widest} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Row({ quoted: { row, own, market }, widest }: { quoted: Quoted; widest: number }) {
  return (
    <tr>
      <th scope="row">
        <a href={symbolHash(row.key)}>{row.symbol}</a>
      </th>
      <td>
        <SpreadBars row={row} market={market} widest={widest} />
      </td>
      <td className="number">{fixed(own, 1)}</td>
      <td className="number muted">{fixed(market, 1)}</td>
    </tr>
  );
}

/** The market spread as a block around the mid, our bid and ask as ticks. */
function SpreadBars({ row, market, widest }: { row: SymbolStatus; market: number; widest: number }) {
  const at = (bps: number) => `${50 + (bps / widest) * 48}%`;
  const width = `${(market / widest) * 48}%`;
  return (
    <span className="spread-bars" aria-hidden="true">
      <i className="market" style={{ left: at(-market / 2), width }} />
      <i className="own-bid" style={{ left: at(row.bid.quote?.distance_bps ?? 0) }} />
      <i className="own-ask" style={{ left: at(row.ask.quote?.distance_bps ?? 0) }} />
    </span>
  );
}

