import type { Detail, OwnOrder } from "../../api/types";
import { grouped, NOTHING, trimmed } from "../../format/numbers";
import { words } from "../../format/labels";
import { ageText } from "../../format/times";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";

export function OrdersPanel({ detail }: { detail: Detail | null }) {
  const orders = detail?.orders ?? [];
  return (
    <Panel id="orders" title="Own orders" note={detail ? String(orders.length) : null}>
      {!detail ? <Skeleton rows={3} /> : orders.length ? <Orders orders={orders} /> : <Empty>No open orders. The page header gives the reason for each side.</Empty>}
    </Panel>
  );
}

function Orders({ orders }: { orders: readonly OwnOrder[] }) {
  return (
    <Scroll label="Own orders">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Side</th>
            <th scope="col" className="number">
              Price
            </th>
            <th scope="col" className="number">
              Filled / size
            </th>
            <th scope="col">Status</th>
            <th scope="col" className="number">
              Age
            </th>
          </tr>
        </thead>
        <tbody>
          {orders.map((order) => (
            <Order key={order.client_order_id} order={order} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Order({ order }: { order: OwnOrder }) {
  const queue = order.queue_ahead ? `, ${trimmed(order.queue_ahead)} ahead` : "";
  return (
    <tr title={`${order.client_order_id}, level ${order.level}${queue}`}>
      <td className={order.side === "buy" ? "bid" : "ask"}>
        <b>{order.side.toUpperCase()}</b>
      </td>
      <td className="number">{grouped(order.price)}</td>
      <td className="number">
        {grouped(order.filled)} / {grouped(order.size)}
      </td>
      <td>{order.status ? words(order.status) : NOTHING}</td>
      <td className="number">{ageText(order.age_ms)}</td>
    </tr>
  );
}
