import type { SystemResponse } from "../../api/types";
import { fixed, grouped } from "../../format/numbers";
import { NumberHeads } from "../../ui/NumberHeads";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import type { SystemProps } from "./looks";

type Stage = SystemResponse["latency"][number];

export function LatencyPanel({ system }: SystemProps) {
  const stages = system?.latency ?? [];
  return (
    <Panel id="latency" title="Latency by stage" note="p50 solid, p99 outlined" atMs={system?.time_ms}>
      {!system ? <Skeleton rows={4} /> : stages.length ? <Stages stages={stages} /> : <Empty>No measurements before the first order.</Empty>}
    </Panel>
  );
}

function Stages({ stages }: { stages: readonly Stage[] }) {
  const slowestMs = Math.max(...stages.map((stage) => stage.p99_ms ?? 0), 1e-9);
  return (
    <Scroll label="Latency by stage">
      <table className="mini latency">
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col" className="bar-column">
              Time
            </th>
            <NumberHeads names={["p50", "p99", "Count"]} />
          </tr>
        </thead>
        <tbody>
          {stages.map((stage) => (
            <StageRow key={stage.name} stage={stage} slowestMs={slowestMs} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function StageRow({ stage, slowestMs }: { stage: Stage; slowestMs: number }) {
  const width = (ms: number | null) => `${((ms ?? 0) / slowestMs) * 100}%`;
  return (
    <tr data-stage={stage.name}>
      <th scope="row">{stage.name}</th>
      <td>
        <span className="latency-bar" aria-hidden="true">
          <i style={{ width: width(stage.p50_ms) }} />
          <b style={{ width: width(stage.p99_ms) }} />
        </span>
      </td>
      <td className="number">{fixed(stage.p50_ms, 2)} ms</td>
      <td className="number">{fixed(stage.p99_ms, 2)} ms</td>
      <td className="number">{grouped(String(stage.count))}</td>
    </tr>
  );
}
