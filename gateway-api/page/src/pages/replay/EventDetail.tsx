// One event: message and headers, causes and effects, and the resulting state change.
import { useState } from "react";
import { query } from "../../api/client";
import type { ChainResponse, EventRow } from "../../api/types";
import { plainKey, venueOf } from "../../format/states";
import { clockMicrosText } from "../../format/times";
import { Facts } from "../../ui/Facts";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { useZone } from "../../ui/time";
import { useAsk } from "../../ui/useAsk";
import { StateDiff } from "./StateDiff";

type Tab = "event" | "chain" | "changes";

const TABS: readonly (readonly [Tab, string])[] = [
  ["event", "Message"],
  ["chain", "Causes and effects"],
  ["changes", "State diff"],
];

interface EventDetailProps {
  event: EventRow | null;
  symbolKey: string | null;
  onSelect: (event: EventRow) => void;
}

export function EventDetail({ event, symbolKey, onSelect }: EventDetailProps) {
  const [tab, setTab] = useState<Tab>("event");
  const actions = TABS.map(([each, title]) => (
    <button key={each} type="button" className="toggle" aria-pressed={each === tab} onClick={() => setTab(each)}>
      {title}
    </button>
  ));
  return (
    <Panel id="event" title="Event" note={event?.event_id} actions={actions}>
      {!event ? (
        <Empty>Select an event in the list or on a lane, or step with [ and ].</Empty>
      ) : tab === "chain" ? (
        <Chain event={event} symbolKey={symbolKey} onSelect={onSelect} />
      ) : tab === "changes" ? (
        <StateDiff event={event} symbolKey={symbolKey} />
      ) : (
        <Message event={event} />
      )}
    </Panel>
  );
}

function Message({ event }: { event: EventRow }) {
  return (
    <Scroll label="Message of the event" className="pad">
      <Facts
        facts={[
          ["Type", event.type],
          ["Topic, offset", `${event.topic} ${event.offset}`],
          ["Key", event.key],
          ["Time", event.time],
          ["Producer, sequence", `${event.producer} ${event.sequence}`],
          ["Cause", event.cause ?? "none"],
        ]}
      />
      <pre className="message">{JSON.stringify(event.message, null, 1)}</pre>
    </Scroll>
  );
}

function chainPath(event: EventRow, symbolKey: string | null): string | null {
  const key = /^[^:*]+:.+/.test(event.key) ? event.key : symbolKey;
  if (key === null) return null;
  return "/history/chain" + query({ event_id: event.event_id, symbol: plainKey(key), venue: venueOf(key), at: event.time_ns });
}

function Chain({ event, symbolKey, onSelect }: { event: EventRow; symbolKey: string | null; onSelect: (event: EventRow) => void }) {
  const { data, problem, isLoading, again } = useAsk<ChainResponse>(chainPath(event, symbolKey));
  if (problem) return <Failure problem={problem} onRetry={again} />;
  if (!data || isLoading) return <Skeleton rows={8} />;
  return (
    <Scroll label="Causes and effects" className="pad">
      <ol className="chain">
        {[...data.causes].reverse().map((each, depth) => (
          <Link key={each.event_id} event={each} depth={depth} onSelect={onSelect} />
        ))}
        <Link event={event} depth={data.causes.length} onSelect={onSelect} isHere />
        {data.effects.map((each) => (
          <Link key={each.event_id} event={each} depth={data.causes.length + depthBelow(each, event, data.effects)} onSelect={onSelect} />
        ))}
      </ol>
      {data.causes.length ? null : <p className="muted small">No cause within the preceding minute: it is external or timer-driven.</p>}
    </Scroll>
  );
}

/** Number of causal steps between an effect and the event. */
function depthBelow(effect: EventRow, event: EventRow, effects: readonly EventRow[]): number {
  let depth = 1;
  let cause = effect.cause;
  while (cause !== null && cause !== event.event_id && depth < effects.length + 1) {
    const above = effects.find((each) => each.event_id === cause);
    if (!above) break;
    cause = above.cause;
    depth += 1;
  }
  return depth;
}

function Link({ event, depth, onSelect, isHere = false }: { event: EventRow; depth: number; onSelect: (event: EventRow) => void; isHere?: boolean }) {
  const zone = useZone();
  return (
    <li style={{ marginLeft: Math.min(depth, 8) * 14 }} aria-current={isHere || undefined}>
      <button type="button" className="quiet" onClick={() => onSelect(event)}>
        <small>{clockMicrosText(event.time_ns, zone)}</small> <b>{event.lane}</b> {event.summary} <small>{event.event_id}</small>
      </button>
    </li>
  );
}
