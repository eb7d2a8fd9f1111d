import { HaltsPanel } from "./HaltsPanel";
import { BreachesPanel } from "./BreachesPanel";
import { LimitsPanel } from "./LimitsPanel";
import { StatesPanel } from "./StatesPanel";

export function RiskPage() {
  return (
    <div className="risk-page">
      <LimitsPanel />
      <StatesPanel />
      <BreachesPanel />
      <HaltsPanel />
    </div>
  );
}
