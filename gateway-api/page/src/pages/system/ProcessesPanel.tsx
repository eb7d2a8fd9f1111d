import type { SystemResponse } from "../../api/types";
import { grouped, NOTHING } from "../../format/numbers";
import { ageText } from "../../format/times";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { OK, SILENT, type SystemProps } from "./looks";

export function ProcessesPanel({ system }: SystemProps) {
  return (
    <Panel id="processes" title="Processes" note={system?.shape} atMs={system?.time_ms}>
      {!system ? <Skeleton rows={8} /> : system.processes.length ? <Processes system={system} /> : <Empty>No process has reported: in several processes they show here once Kafka has heard of them.</Empty>}
    </Panel>
  );
}

function Processes({ system }: { system: SystemResponse }) {
  return (
    <Scroll label="Processes">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Inputs
            </th>
            <th scope="col" className="number">
              Published
            </th>
            <th scope="col" className="number">
              Newest input
            </th>
          </tr>
        </thead>
        <tbody>
          {system.processes.map((each) => (
            <tr key={each.name} data-process={each.name}>
              <th scope="row">{each.name}</th>
              <td>
                <StateWord look={each.state === "ok" ? OK : SILENT} />
              </td>
              <td className="number">{grouped(String(each.inputs))}</td>
              <td className="number">{grouped(String(each.published))}</td>
              <td className="number">{each.age_ms === null ? NOTHING : `${ageText(each.age_ms)} ago`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
