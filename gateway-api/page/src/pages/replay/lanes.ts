// The swimlanes, and the filter of events.
import type { EventRow, Lane } from "../../api/types";

export const LANES: readonly Lane[] = ["market", "signal", "quote", "order", "fill", "risk", "system", "human"];

/** Palette colours, in addition to the label of the lane. */
export const LANE_COLOURS: Record<Lane, string> = {
  market: "--edge",
  signal: "--muted",
  quote: "--bid",
  order: "--text",
  fill: "--ask",
  risk: "--danger",
  system: "--muted",
  human: "--ok",
};

export interface Filter {
  lanes: ReadonlySet<Lane>;
  text: string;
}

export function shownEvents(events: readonly EventRow[], { lanes, text }: Filter): EventRow[] {
  const wanted = text.trim().toLowerCase();
  const found = (event: EventRow) =>
    !wanted || `${event.summary} ${event.type} ${event.key} ${event.event_id} ${event.cause ?? ""}`.toLowerCase().includes(wanted);
  return events.filter((event) => lanes.has(event.lane) && found(event));
}

export function countLanes(events: readonly EventRow[]): Map<Lane, number> {
  const counts = new Map<Lane, number>();
  for (const { lane } of events) counts.set(lane, (counts.get(lane) ?? 0) + 1);
  return counts;
}
