// Latest events, newest first: fills, commands, changes. Space freezes it.
import { memo, useMemo } from "react";
import type { Change, CommandViewModel, FillNews } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { grouped, signed, trimmed } from "../../format/numbers";
import { words } from "../../format/labels";
import { plainKey } from "../../format/states";
import { useChanges, useCommands, useFills, useLoaded } from "../../live/hooks";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { Announcer } from "./Announcer";

const SHOWN = 40;

type News =
  | { kind: "fill"; id: string; time_ms: number; fill: FillNews }
  | { kind: "command"; id: string; time_ms: number; command: CommandViewModel }
  | { kind: "change"; id: string; time_ms: number; change: Change };

function newsOf(fills: readonly FillNews[], commands: readonly CommandViewModel[], changes: readonly Change[]): News[] {
  const all: News[] = [
    ...fills.map((fill) => ({ kind: "fill" as const, id: `${fill.key} ${fill.time_ms} ${fill.side} ${fill.price} ${fill.size}`, time_ms: fill.time_ms, fill })),
    ...commands.map((command) => ({ kind: "command" as const, id: command.command_id, time_ms: command.time_ms, command })),
    ...changes.map((change) => ({ kind: "change" as const, id: change.change_id, time_ms: change.time_ms, change })),
  ];
  return all.sort((one, other) => other.time_ms - one.time_ms).slice(0, SHOWN);
}

export function TickerPanel() {
  const [fills, commands, changes] = [useFills(), useCommands(), useChanges()];
  const isLoaded = useLoaded();
  const news = useMemo(() => newsOf(fills, commands, changes), [fills, commands, changes]);
  return (
    <Panel id="ticker" title="Events" note="fills, commands, changes">
      {news.length ? (
        <Scroll label="Newest events">
          <ul className="ticker">
            {news.map((each) => (
              <Entry key={each.id} news={each} />
            ))}
          </ul>
        </Scroll>
      ) : isLoaded ? (
        <Empty>No events yet. Fills and commands appear here.</Empty>
      ) : (
        <Skeleton rows={5} />
      )}
      <Announcer />
    </Panel>
  );
}

/** Past events do not change: an entry is rendered only once. */
const Entry = memo(
  function Entry({ news }: { news: News }) {
    return (
      <li>
        <Clock atMs={news.time_ms} />
        <Line news={news} />
      </li>
    );
  },
  (one, other) => one.news.id === other.news.id,
);

function Line({ news }: { news: News }) {
  switch (news.kind) {
    case "fill":
      return <FillLine fill={news.fill} />;
    case "command":
      return (
        <span>
          <b>{words(news.command.action).toUpperCase()}</b> {plainKey(news.command.key)} by {news.command.principal}: {news.command.reason}
        </span>
      );
    case "change":
      return (
        <span>
          <b>SET</b> {news.change.key} = {news.change.value} by {news.change.requester}
        </span>
      );
  }
}

function FillLine({ fill }: { fill: FillNews }) {
  const isBuy = fill.side === "buy";
  return (
    <span className="fill-line" title={`edge ${signed(fill.edge_bps, 1)} bps against the mid`}>
      <b className={isBuy ? "bid" : "ask"}>
        {isBuy ? "\u25b2" : "\u25bc"} {fill.side.toUpperCase()}
      </b>
      <a href={symbolHash(fill.key)}>{plainKey(fill.key)}</a>
      <span className="number">{trimmed(fill.size)}</span>
      <span className="number">@ {grouped(fill.price)}</span>
    </span>
  );
}
