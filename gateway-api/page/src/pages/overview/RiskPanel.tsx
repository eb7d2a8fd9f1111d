// Limits by utilisation: a word, a shape, a bar and a colour.
import { routeHash } from "../../app/routes";
import { percent } from "../../format/numbers";
import { limitLabel } from "../../format/labels";
import { limitLook } from "../../format/states";
import { limitsByShare, type OwnedLimit } from "../../frame/worst";
import { useAllSymbols, useCalmAccount, useWarnAt } from "../../live/hooks";
import { LimitBar } from "../../ui/controls";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Skeleton } from "../../ui/states";
import { newestMs } from "./summary";

const SHOWN = 10;

export function RiskPanel() {
  const rows = useAllSymbols();
  const account = useCalmAccount();
  const limits = limitsByShare(account, rows);
  const accountFirst = [...limits.filter((each) => each.key === "*"), ...limits.filter((each) => each.key !== "*")];
  return (
    <Panel id="risk" title="Risk" note={<a href={routeHash("risk")}>all limits</a>} atMs={newestMs(rows)}>
      {account ? <Body limits={accountFirst.slice(0, SHOWN)} /> : <Skeleton rows={6} />}
    </Panel>
  );
}

function Body({ limits }: { limits: readonly OwnedLimit[] }) {
  const worst = limitLook(Math.max(0, ...limits.map((each) => each.share)), useWarnAt());
  return (
    <>
      <p className="panel-line">
        Worst <StateWord look={worst} />
      </p>
      <Scroll label="Limits, the account's first" className="panel-list">
        <table className="mini">
          <thead>
            <tr>
              <th scope="col">Limit</th>
              <th scope="col">Used</th>
              <th scope="col" className="number">
                Share
              </th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {limits.map((each) => (
              <Row key={`${each.key} ${each.limit.name}`} owned={each} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Row({ owned: { limit, share, owner, key } }: { owned: OwnedLimit }) {
  const look = limitLook(share, useWarnAt());
  return (
    <tr>
      <th scope="row">
        {limitLabel(limit.name)} {key === "*" ? null : <small>{owner}</small>}
      </th>
      <td>
        <LimitBar share={share} label={`${limit.name} of ${owner}`} />
      </td>
      <td className="number">{percent(share)}</td>
      <td>
        <StateWord look={look} />
      </td>
    </tr>
  );
}
