// Asks up, bids down, the mid fixed in the centre; our levels are outlined and carry their age.
import { memo, useEffect, useMemo } from "react";
import type { Detail, SymbolStatus } from "../../api/types";
import { fixed, grouped, trimmed } from "../../format/numbers";
import { ageText } from "../../format/times";
import { Panel } from "../../ui/Panel";
import { Empty, Skeleton } from "../../ui/states";
import { depthOf, ladderRows, type LadderRow } from "./ladder";

interface LadderPanelProps {
  status: SymbolStatus;
  detail: Detail | null;
}

export function centreLadder(): void {
  const box = document.querySelector('[data-panel="ladder"] .ladder');
  const mid = box?.querySelector<HTMLElement>("tr.mid");
  if (box && mid) box.scrollTop = mid.offsetTop - (box.clientHeight - mid.offsetHeight) / 2;
}

export function LadderPanel({ status, detail }: LadderPanelProps) {
  const isEmpty = detail !== null && !detail.bids.length && !detail.asks.length;
  return (
    <Panel id="ladder" title="Ladder" note="own outlined" atMs={status.market?.event_time_ms} actions={<Centre />}>
      {!detail ? <Skeleton rows={18} /> : isEmpty ? <Empty>No book yet: the venue has not sent one, or it was rejected.</Empty> : <Levels detail={detail} status={status} />}
    </Panel>
  );
}

function Centre() {
  return (
    <button type="button" className="toggle" onClick={centreLadder} title="Centre on the mid (Space)">
      Centre
    </button>
  );
}

function Levels({ detail, status }: { detail: Detail; status: SymbolStatus }) {
  const { asks, bids } = useMemo(() => rowsOf(detail), [detail]);
  useEffect(centreLadder, [detail.key]);
  return (
    <div className="scroll ladder" tabIndex={0} role="group" aria-label="Ladder">
      <table>
        <thead>
          <tr>
            <th scope="col" className="number">
              Own
            </th>
            <th scope="col" className="number">
              Price
            </th>
            <th scope="col" className="number">
              Size
            </th>
          </tr>
        </thead>
        <tbody>
          {asks.map((row) => (
            <Level key={row.price} row={row} />
          ))}
        </tbody>
        <tbody>
          <tr className="mid">
            <td className="number">
              <small>mid</small>
            </td>
            <td className="number">{grouped(status.market?.mid)}</td>
            <td className="number">
              <small>{fixed(status.market?.spread_bps, 1)} bps</small>
            </td>
          </tr>
        </tbody>
        <tbody>
          {bids.map((row) => (
            <Level key={row.price} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function rowsOf(detail: Detail): { asks: LadderRow[]; bids: LadderRow[] } {
  const deepest = Math.max(depthOf(detail.asks), depthOf(detail.bids));
  const orders = detail.orders ?? [];
  return { asks: ladderRows("sell", detail.asks, orders, deepest).reverse(), bids: ladderRows("buy", detail.bids, orders, deepest) };
}

const isSameRow = (one: { row: LadderRow }, other: { row: LadderRow }) =>
  one.row.price === other.row.price &&
  one.row.size === other.row.size &&
  one.row.own_size === other.row.own_size &&
  one.row.order?.status === other.row.order?.status &&
  Math.abs(one.row.depth_share - other.row.depth_share) < 0.005 &&
  Math.floor((one.row.order?.age_ms ?? 0) / 1000) === Math.floor((other.row.order?.age_ms ?? 0) / 1000);

const Level = memo(function Level({ row }: { row: LadderRow }) {
  const name = row.side === "buy" ? "bid" : "ask";
  return (
    <tr className={`side-${name}${row.own_size ? " own" : ""}`} data-price={row.price}>
      <td className="number" title={row.own_size ? ownTitle(row) : undefined}>
        {row.own_size ? <OwnCell row={row} /> : null}
      </td>
      <td className="number price">{grouped(row.price)}</td>
      <td className="number size">
        <i style={{ width: `${row.depth_share * 100}%` }} aria-hidden="true" />
        {row.size ? grouped(row.size) : null}
      </td>
    </tr>
  );
}, isSameRow);

function OwnCell({ row }: { row: LadderRow }) {
  return (
    <>
      <span className="hidden-text">own {row.side} </span>
      {grouped(row.own_size)} {row.order ? <small>{ageText(row.order.age_ms)}</small> : null}
    </>
  );
}

function ownTitle({ order, side }: LadderRow): string {
  if (!order) return `own ${side}`;
  const queue = order.queue_ahead ? `, ${trimmed(order.queue_ahead)} ahead in the queue` : "";
  return `own ${side}, ${order.status}, ${ageText(order.age_ms)} old${queue}`;
}
