import { useEffect, useMemo } from "react";
import type { EventRow } from "../../api/types";
import { plainKey } from "../../format/states";
import { clockMicrosText } from "../../format/times";
import { useZone } from "../../ui/time";
import { VirtualRows } from "../../ui/VirtualRows";

const ROW_PX = 24;

interface EventListProps {
  events: readonly EventRow[];
  selected: EventRow | null;
  onSelect: (event: EventRow) => void;
}

export function EventList({ events, selected, onSelect }: EventListProps) {
  const byId = useMemo(() => new Map(events.map((event) => [event.event_id, event])), [events]);
  const keys = useMemo(() => [...byId.keys()], [byId]);
  const index = selected ? keys.indexOf(selected.event_id) : -1;
  useEffect(() => keepInSight(index), [index]);
  return (
    <VirtualRows
      label="Events of the time range"
      className="event-list"
      rowHeight={ROW_PX}
      keys={keys}
      head={<Head />}
      row={(id) => <Row key={id} event={byId.get(id)} isSelected={id === selected?.event_id} onSelect={onSelect} />}
    />
  );
}

function keepInSight(index: number): void {
  const box = document.querySelector('[data-panel="events"] .virtual');
  if (!box || index < 0) return;
  const top = index * ROW_PX;
  if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 3 * ROW_PX) box.scrollTop = top - box.clientHeight / 2;
}

function Head() {
  return (
    <tr>
      <th scope="col">Time</th>
      <th scope="col">Lane</th>
      <th scope="col">What</th>
      <th scope="col" className="wide">
        Of
      </th>
      <th scope="col" className="wide">
        Event
      </th>
    </tr>
  );
}

function Row({ event, isSelected, onSelect }: { event: EventRow | undefined; isSelected: boolean; onSelect: (event: EventRow) => void }) {
  const zone = useZone();
  if (!event) return null;
  return (
    <tr data-event={event.event_id} className={`lane-${event.lane}`} aria-current={isSelected || undefined} onClick={() => onSelect(event)}>
      <td>
        <button type="button" className="quiet time" onClick={() => onSelect(event)}>
          {clockMicrosText(event.time_ns, zone)}
        </button>
      </td>
      <td className="lane">{event.lane}</td>
      <td className="clip" title={event.summary}>
        {event.summary}
      </td>
      <td className="wide">{plainKey(event.key)}</td>
      <td className="wide muted">{event.event_id}</td>
    </tr>
  );
}
