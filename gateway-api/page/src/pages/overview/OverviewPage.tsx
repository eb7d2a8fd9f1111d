import { AlertsPanel } from "./AlertsPanel";
import { InventoryPanel } from "./InventoryPanel";
import { PnlPanel } from "./PnlPanel";
import { QuotesPanel } from "./QuotesPanel";
import { RiskPanel } from "./RiskPanel";
import { StatusPanel } from "./StatusPanel";
import { SymbolTable } from "./SymbolTable";
import { TickerPanel } from "./TickerPanel";

export function OverviewPage() {
  return (
    <div className="overview">
      <div className="five">
        <StatusPanel />
        <QuotesPanel />
        <InventoryPanel />
        <PnlPanel />
        <RiskPanel />
      </div>
      <SymbolTable />
      <AlertsPanel />
      <TickerPanel />
    </div>
  );
}
