// The panels of a symbol: the same live and in a replay.
import type { Detail, SymbolStatus } from "../../api/types";
import { Panel } from "../../ui/Panel";
import { Charts } from "./Charts";
import { FactsPanel } from "./FactsPanel";
import { FillsPanel } from "./FillsPanel";
import { LadderPanel } from "./Ladder";
import { OrdersPanel } from "./OrdersPanel";
import { ParametersPanel } from "./ParametersPanel";
import { WhyPanel } from "./WhyPanel";

interface SymbolPanelsProps {
  status: SymbolStatus;
  detail: Detail | null;
  /** In a replay the series end here. */
  toMs?: number;
}

export function SymbolPanels({ status, detail, toMs }: SymbolPanelsProps) {
  return (
    <div className="symbol-panels">
      <LadderPanel status={status} detail={detail} />
      <Panel id="charts" title="Quotes, inventory, PnL" note="15 min" atMs={status.event_time_ms}>
        <Charts status={status} detail={detail} toMs={toMs ?? null} />
      </Panel>
      <WhyPanel status={status} why={detail?.why ?? null} isLoading={detail === null} />
      <OrdersPanel detail={detail} />
      <FillsPanel detail={detail} />
      <FactsPanel status={status} />
      <ParametersPanel status={status} detail={detail} />
    </div>
  );
}
