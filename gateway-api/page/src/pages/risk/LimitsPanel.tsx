// Every limit of the account and of all symbols: utilisation and remaining amount.
import type { Limit } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { figure, percent } from "../../format/numbers";
import { limitLabel } from "../../format/labels";
import { limitLook } from "../../format/states";
import { limitsByShare, type OwnedLimit } from "../../frame/worst";
import { useAllSymbols, useCalmAccount, useWarnAt } from "../../live/hooks";
import { LimitBar } from "../../ui/controls";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Skeleton } from "../../ui/states";
import { VirtualRows } from "../../ui/VirtualRows";
import { newestMs } from "../overview/summary";

const ROW_PX = 28;
const idOf = (owned: OwnedLimit) => `${owned.key} ${owned.limit.name}`;

export function LimitsPanel() {
  const account = useCalmAccount();
  const rows = useAllSymbols();
  const limits = limitsByShare(account, rows);
  const byId = new Map(limits.map((each) => [idOf(each), each]));
  const warnAt = useWarnAt();
  const near = limits.filter((each) => each.share >= warnAt).length;
  return (
    <Panel id="limits" title="Limits" note={`nearest first; ${near} of ${limits.length} over ${percent(warnAt)}`} atMs={newestMs(rows)}>
      {account ? <VirtualRows label="Limits" className="limits-table" rowHeight={ROW_PX} keys={[...byId.keys()]} head={<Head />} row={(id) => <Row key={id} owned={byId.get(id)} />} /> : <Skeleton rows={16} />}
    </Panel>
  );
}

function Head() {
  const warnAt = useWarnAt();
  return (
    <tr>
      <th scope="col">Scope</th>
      <th scope="col">Limit</th>
      <th scope="col" className="bar-column mid">
        Used <small>mark {percent(warnAt)}</small>
      </th>
      <th scope="col" className="number">
        Share
      </th>
      <th scope="col">State</th>
      <th scope="col" className="number mid">
        Value
      </th>
      <th scope="col" className="number mid">
        Limit
      </th>
      <th scope="col" className="number wide">
        Headroom
      </th>
      <th scope="col" className="wide">
        Unit
      </th>
    </tr>
  );
}

/** Remaining amount until the limit is reached; none once it is. */
function headroom(limit: Limit): number {
  const left = limit.limit - limit.value;
  return Math.sign(left) === Math.sign(limit.limit) ? left : 0;
}

function Row({ owned }: { owned: OwnedLimit | undefined }) {
  if (!owned) return null;
  const { limit, share, owner, key } = owned;
  return (
    <tr data-limit={idOf(owned)}>
      <th scope="row">{key === "*" ? owner : <a href={symbolHash(key)}>{owner}</a>}</th>
      <td>{limitLabel(limit.name)}</td>
      <td className="mid">
        <LimitBar share={share} label={`${limit.name} of ${owner}`} />
      </td>
      <td className="number">{percent(share, 1)}</td>
      <td>
        <StateWord look={limitLook(share, useWarnAt())} />
      </td>
      <td className="number mid">{figure(limit.value, 5)}</td>
      <td className="number mid">{figure(limit.limit)}</td>
      <td className="number wide">{figure(headroom(limit), 5)}</td>
      <td className="muted wide">{limit.unit}</td>
    </tr>
  );
}
