import { useRight } from "../../app/session";
import { Empty } from "../../ui/states";
import { AttributionPanel } from "./AttributionPanel";
import { BySymbolPanel } from "./BySymbolPanel";
import { ByTimePanel } from "./ByTimePanel";
import { EquityPanel } from "./EquityPanel";

export function PnlPage() {
  const right = useRight("pnl");
  if (!right.allowed) return <Empty>Profit is not shown to your role. {right.because}</Empty>;
  return (
    <div className="pnl-page">
      <EquityPanel />
      <AttributionPanel />
      <BySymbolPanel />
      <ByTimePanel />
    </div>
  );
}
