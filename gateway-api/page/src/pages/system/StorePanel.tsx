import type { SystemResponse } from "../../api/types";
import { figure, fixed, percent } from "../../format/numbers";
import { words } from "../../format/labels";
import { limitLook, limitShare, plainKey } from "../../format/states";
import { ageText } from "../../format/times";
import { skewMs, useTick } from "../../live/clock";
import { useConnection, useView, useWarnAt } from "../../live/hooks";
import { LimitBar } from "../../ui/controls";
import { type Fact, Facts } from "../../ui/Facts";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Skeleton } from "../../ui/states";
import { BROKER_LOOKS, STORE_LOOKS, type SystemProps } from "./looks";

export function StorePanel({ system }: SystemProps) {
  const view = useView();
  const connection = useConnection();
  useTick(1000);
  const skew = skewMs();
  return (
    <Panel id="store" title="State store, streams and clock" atMs={system?.time_ms}>
      {!system ? (
        <Skeleton rows={6} />
      ) : (
        <Scroll label="State store, streams and clock" className="pad">
          <Facts
            facts={[
              ...brokerFacts(system.broker),
              ["Halts in force", system.halts.length ? system.halts.map((halt) => plainKey(halt.key)).join(", ") : "none", system.halts.flatMap((halt) => halt.reasons).join("; ")],
              ["State store", <StateWord key="store" look={STORE_LOOKS[system.store.state]} />],
              ["Store confirmed", system.store.age_ms === null ? "never" : `${ageText(system.store.age_ms)} ago`],
              ["This page's view", <StateWord key="view" look={STORE_LOOKS[view]} />],
              ["Stream of this page", connection.connected ? "connected" : "disconnected"],
              ["Snapshots after slow reads", String(connection.dropped)],
              ["Streams open", `${system.streams.open} of ${system.streams.max}`],
              ["Engine's clock against this browser's", `${fixed(skew, 0)} ms`],
            ]}
          />
          <Limits system={system} />
        </Scroll>
      )}
    </Panel>
  );
}

function brokerFacts(broker: SystemResponse["broker"]): Fact[] {
  if (!broker) return [];
  return [
    ["Broker", <StateWord key="broker" look={BROKER_LOOKS[broker.state]} />],
    ...(broker.because ? ([["Broker error", broker.because]] as Fact[]) : []),
    ["Broker last responded", broker.age_ms === null ? "never" : `${ageText(broker.age_ms)} ago`],
    ["Unconfirmed commands", String(broker.unconfirmed)],
  ];
}

function Limits({ system }: { system: SystemResponse }) {
  const warnAt = useWarnAt();
  return (
    <dl className="facts limits">
      {system.limits.map((limit) => {
        const share = limitShare(limit);
        return (
          <div key={limit.name} title={limit.unit}>
            <dt>{words(limit.name)}</dt>
            <dd>
              {figure(limit.value, 4)} of {figure(limit.limit)} <LimitBar share={share} label={limit.name} /> {percent(share)} <StateWord look={limitLook(share, warnAt)} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
