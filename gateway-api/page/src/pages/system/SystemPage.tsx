// Is the plant healthy?
import type { SystemResponse } from "../../api/types";
import { Failure } from "../../ui/states";
import { useAsk } from "../../ui/useAsk";
import { LatencyPanel } from "./LatencyPanel";
import { ProcessesPanel } from "./ProcessesPanel";
import { StorePanel } from "./StorePanel";
import { VersionsPanel } from "./VersionsPanel";

const EVERY_MS = 2_000;

export function SystemPage() {
  const { data, problem, again } = useAsk<SystemResponse>("/system", EVERY_MS);
  if (problem && !data) return <Failure problem={problem} onRetry={again} />;
  return (
    <div className="system-page">
      <ProcessesPanel system={data} />
      <LatencyPanel system={data} />
      <StorePanel system={data} />
      <VersionsPanel system={data} />
    </div>
  );
}
