import type { Balancing, Inventory, Profit, SymbolStatus } from "../../api/types";
import { fixed, grouped, negated, NOTHING, percent, trimmed } from "../../format/numbers";
import { plainReason } from "../../format/reasons";
import { limitLabel } from "../../format/labels";
import { limitLook, limitShare } from "../../format/states";
import { useWarnAt } from "../../live/hooks";
import { LimitBar } from "../../ui/controls";
import { Facts, type Fact } from "../../ui/Facts";
import { Icon } from "../../ui/Icon";
import { Money } from "../../ui/Money";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Age } from "../../ui/time";
import { useProfit } from "./profit";

/** PnL, position and limit utilisation. */
export function FactsPanel({ status }: { status: SymbolStatus }) {
  const pnl = useProfit(status);
  return (
    <Panel id="facts" title="PnL and risk" note={pnl?.currency} atMs={status.event_time_ms}>
      <Scroll label="Profit and risk of the symbol" className="pad">
        <Facts facts={[...profit(pnl), ...held(status)]} />
        <Limits status={status} />
      </Scroll>
    </Panel>
  );
}

function profit(pnl: Profit | null): Fact[] {
  if (!pnl) return [["PnL", "no fill yet"]];
  return [
    ["Session PnL", <Money key="session" text={pnl.session} decimals={4} />],
    ["Day PnL", <Money key="day" text={pnl.day} decimals={4} />],
    ["Total PnL", <Money key="total" text={pnl.total} decimals={4} />],
    ["Spread capture", <Money key="capture" text={pnl.capture} decimals={4} />],
    ["Inventory", <Money key="inventory" text={pnl.inventory} decimals={4} />],
    ["Fees", <Money key="fees" text={negated(pnl.fees)} decimals={4} />],
    ["of which balancing", <Money key="balance" text={pnl.balance} decimals={4} />, "What taking liquidity to reduce the position earned: part of capture and fees"],
    ["Max drawdown", <Money key="drawdown" text={negated(pnl.max_drawdown)} decimals={4} />],
  ];
}

function held({ inventory, balancing }: SymbolStatus): Fact[] {
  if (!inventory) return [["Position", "none"]];
  const { rebalance_action: action } = inventory;
  return [
    ["Position", `${trimmed(inventory.position)} ${inventory.base_currency}`],
    ["Notional", grouped(inventory.notional)],
    ["Mark", <Mark key="mark" inventory={inventory} />],
    ["Average price", inventory.average_price ? trimmed(inventory.average_price) : NOTHING],
    ["Rebalance", action === "none" ? "none" : `${action} ${trimmed(inventory.rebalance_size)}, urgency ${percent(inventory.rebalance_urgency)}`],
    ...balancingFacts(balancing),
  ];
}

const STAGES: Record<Balancing["stage"], string> = { lean: "leaning", touch: "quoting at the touch", take: "taking" };
const FLATTENS: Record<NonNullable<Balancing["flatten"]>, string> = { awaits_second: "flatten awaits a second person", under_way: "flatten under way", done: "flattened; stays halted until resumed" };

/** What the balancer does now, what taking would cost, and why it does not take though it is urgent. */
function balancingFacts(balancing: Balancing | null): Fact[] {
  if (!balancing) return [];
  const { stage, side, size, cost_bps: cost, held_back: because, flatten } = balancing;
  const what = side ? `${STAGES[stage]}: ${side} ${trimmed(size)}` : STAGES[stage];
  return [
    ["Balancing", cost === null ? what : `${what}, taking costs ${fixed(cost, 1)} bps`],
    ...(flatten ? ([["Flatten", FLATTENS[flatten]]] as const) : []),
    ...(because ? ([["Not taken", plainReason(because)]] as const) : []),
  ];
}

/** The mark of the position and its age: without market data there is no newer one. */
function Mark({ inventory: { mark, marked_ms } }: { inventory: Inventory }) {
  return mark === null ? <span className="muted">{NOTHING}</span> : <>{grouped(mark)}, <Age atMs={marked_ms} /> old</>;
}

function Limits({ status }: { status: SymbolStatus }) {
  const warnAt = useWarnAt();
  return (
    <dl className="facts limits">
      {(status.risk?.limits ?? []).map((limit) => {
        const share = limitShare(limit);
        const look = limitLook(share, warnAt);
        return (
          <div key={limit.name} title={limit.unit}>
            <dt>{limitLabel(limit.name)}</dt>
            <dd>
              <LimitBar share={share} label={limit.name} /> {percent(share)}{" "}
              <span className={look.tone}>
                <Icon shape={look.shape} /> {look.word}
              </span>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
