import type { DiskViewModel, SystemResponse } from "../../api/types";
import { bytes, fixed } from "../../format/numbers";
import { StateWord } from "../../ui/Icon";
import { NumberHeads } from "../../ui/NumberHeads";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { diskLook, type SystemProps } from "./looks";

const FIGURES = ["Free", "Days left", "Used", "Growth per day"];

/** The disk of the log in one process, or of each process's state. */
function disksOf(system: SystemResponse): [string, DiskViewModel][] {
  if (system.disk) return [["log", system.disk]];
  return system.processes.flatMap((each) => (each.disk ? [[each.name, each.disk] as [string, DiskViewModel]] : []));
}

export function DiskPanel({ system }: SystemProps) {
  return (
    <Panel id="disk" title="Disk" note="days left by the growth of the last hour" atMs={system?.time_ms}>
      {!system ? <Skeleton rows={3} /> : disksOf(system).length ? <Disks system={system} /> : <Empty>No disk has been measured yet.</Empty>}
    </Panel>
  );
}

function Disks({ system }: { system: SystemResponse }) {
  return (
    <Scroll label="Disk">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Contents</th>
            <th scope="col">State</th>
            <NumberHeads names={FIGURES} />
          </tr>
        </thead>
        <tbody>
          {disksOf(system).map(([name, disk]) => (
            <tr key={name} data-disk={name} title={disk.folder}>
              <th scope="row">{name}</th>
              <td>
                <StateWord look={diskLook(disk)} />
              </td>
              <td className="number">{bytes(disk.free_bytes)}</td>
              <td className="number">{fixed(disk.days_left, 1)}</td>
              <td className="number">{bytes(disk.used_bytes)}</td>
              <td className="number">{bytes(disk.growth_bytes_per_day)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
