import type { SymbolStatus } from "../../api/types";
import { grouped, negated, NOTHING, percent, trimmed } from "../../format/numbers";
import { limitLook, limitShare, words } from "../../format/states";
import { LimitBar } from "../../ui/controls";
import { Facts, type Fact } from "../../ui/Facts";
import { Icon } from "../../ui/Icon";
import { Money } from "../../ui/Money";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";

/** Profit, what is held and how near the limits are. */
export function FactsPanel({ status }: { status: SymbolStatus }) {
  return (
    <Panel id="facts" title="Profit and risk" note={status.pnl?.currency} atMs={status.event_time_ms}>
      <Scroll label="Profit and risk of the symbol" className="pad">
        <Facts facts={[...profit(status), ...held(status)]} />
        <Limits status={status} />
      </Scroll>
    </Panel>
  );
}

function profit({ pnl }: SymbolStatus): Fact[] {
  if (!pnl) return [["Profit", "no fill yet"]];
  return [
    ["Total", <Money key="total" text={pnl.total} decimals={4} />],
    ["Spread capture", <Money key="capture" text={pnl.capture} decimals={4} />],
    ["Inventory", <Money key="inventory" text={pnl.inventory} decimals={4} />],
    ["Fees", <Money key="fees" text={negated(pnl.fees)} decimals={4} />],
    ["Max drawdown", <Money key="drawdown" text={negated(pnl.max_drawdown)} decimals={4} />],
  ];
}

function held({ inventory }: SymbolStatus): Fact[] {
  if (!inventory) return [["Position", "none"]];
  const { rebalance_action: action } = inventory;
  return [
    ["Position", `${trimmed(inventory.position)} ${inventory.base_currency}`],
    ["Notional", grouped(inventory.notional)],
    ["Average price", inventory.average_price ? trimmed(inventory.average_price) : NOTHING],
    ["Rebalance", action === "none" ? "none" : `${action} ${trimmed(inventory.rebalance_size)}, urgency ${percent(inventory.rebalance_urgency)}`],
  ];
}

function Limits({ status }: { status: SymbolStatus }) {
  return (
    <dl className="facts limits">
      {(status.risk?.limits ?? []).map((limit) => {
        const share = limitShare(limit);
        const look = limitLook(share);
        return (
          <div key={limit.name} title={limit.unit}>
            <dt>{words(limit.name)}</dt>
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
