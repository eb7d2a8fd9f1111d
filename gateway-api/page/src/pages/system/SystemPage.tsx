// Is every process healthy, and its broker, its disk and its clock?
import type { SystemResponse } from "../../api/types";
import { Failure } from "../../ui/states";
import { useAsk } from "../../ui/useAsk";
import { DiskPanel } from "./DiskPanel";
import { LatencyPanel } from "./LatencyPanel";
import { ProcessesPanel } from "./ProcessesPanel";
import { SessionsPanel } from "./SessionsPanel";
import { StorePanel } from "./StorePanel";
import { VersionsPanel } from "./VersionsPanel";

const EVERY_MS = 1_000; // a process that falls silent is seen within 5 s

export function SystemPage() {
  const { data, problem, again } = useAsk<SystemResponse>("/system", EVERY_MS);
  if (problem && !data) return <Failure problem={problem} onRetry={again} />;
  return (
    <div className="system-page">
      <ProcessesPanel system={data} />
      <LatencyPanel system={data} />
      <StorePanel system={data} />
      <DiskPanel system={data} />
      <VersionsPanel system={data} />
      <SessionsPanel />
    </div>
  );
}
