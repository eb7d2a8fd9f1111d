import type { EventRow, Lane } from "../../api/types";
import { Panel } from "../../ui/Panel";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { EventDetail } from "./EventDetail";
import { EventList } from "./EventList";
import { Lanes } from "./Lanes";
import { newestAt, type Position } from "./position";
import { EVENTS_MAX, type LoadedEvents } from "./useEvents";
import type { Move } from "./usePosition";

interface TimelineViewProps {
  position: Position;
  move: Move;
  loaded: LoadedEvents;
  shown: readonly EventRow[];
  lanes: ReadonlySet<Lane>;
  onLanes: (lanes: ReadonlySet<Lane>) => void;
}

export function TimelineView({ position, move, loaded, shown, lanes, onLanes }: TimelineViewProps) {
  const selected = shown.find((event) => event.event_id === position.event_id) ?? newestAt(shown, position.at_ns);
  const select = (event: EventRow) => move({ at_ns: event.time_ns, event_id: event.event_id });
  return (
    <div className="timeline-view">
      <Panel id="lanes" title="Timeline" note={countText(loaded, shown.length)}>
        {loaded.problem ? (
          <Failure problem={loaded.problem} onRetry={loaded.again} />
        ) : (
          <Lanes events={loaded.events} shown={shown} lanes={lanes} onLanes={onLanes} position={position} onSelect={select} />
        )}
      </Panel>
      <Panel id="events" title="Events" note="in the order of the log">
        {shown.length ? <EventList events={shown} selected={selected} onSelect={select} /> : loaded.isLoading ? <Skeleton rows={12} /> : <Empty>No events in this time range and these lanes. Show more lanes or another time.</Empty>}
      </Panel>
      <EventDetail event={selected} symbolKey={position.key} onSelect={select} />
    </div>
  );
}

function countText({ events, isLoading, isCut }: LoadedEvents, shown: number): string {
  if (isLoading) return `${events.length} events, loading\u2026`;
  const cut = isCut && events.length >= EVENTS_MAX ? `; the first ${EVENTS_MAX} of the range: choose a shorter one to see all` : "";
  return `${shown} of ${events.length} events${cut}`;
}
