import { ageText } from "../../format/times";
import { engineNow, useTick } from "../../live/clock";
import { useEngine } from "../../live/hooks";
import { Facts } from "../../ui/Facts";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import type { SystemProps } from "./looks";
import { otherCode } from "./words";

export function VersionsPanel({ system }: SystemProps) {
  const engine = useEngine();
  useTick(1000);
  if (!system || !engine) {
    return (
      <Panel id="versions" title="Versions">
        <Skeleton rows={5} />
      </Panel>
    );
  }
  return (
    <Panel id="versions" title="Versions">
      <Scroll label="Versions" className="pad">
        <Facts
          facts={[
            ["Engine", system.version],
            ["Processes with different code", otherCode(system).join(", ") || "none"],
            ["Configuration hash", <code key="hash">{system.config_hash.slice(0, 16)}</code>, system.config_hash],
            ["Hash at start", <code key="start">{engine.config_hash.slice(0, 16)}</code>, engine.config_hash],
            ["Mode", engine.mode],
            ["Venue", engine.venue],
            ["Market data", `${engine.feed_kind}, speed ${engine.speed}`],
            ["Started", <Clock key="started" atMs={engine.started_ms} />],
            ["Up", ageText(engineNow() - engine.started_ms)],
          ]}
        />
      </Scroll>
    </Panel>
  );
}
