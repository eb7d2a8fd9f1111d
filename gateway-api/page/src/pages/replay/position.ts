// The replay position: a time range, a position in it, and optionally an event.
import { routeHash } from "../../app/routes";

export type View = "timeline" | "state" | "check";

export interface Position {
  /** `venue:symbol`. */
  key: string | null;
  from_ms: number;
  to_ms: number;
  /** Nanoseconds since 1970, as digits: a float would lose precision. */
  at_ns: string;
  event_id: string | null;
  view: View;
}

const BEFORE_MS = 10_000;
const SPAN_MS = 60_000;
const NS_DIGITS = 6;

export const nsOf = (timeMs: number) => String(BigInt(Math.round(timeMs * 1000)) * 1000n);
export const msOf = (timeNs: string) => Number(timeNs.slice(0, -NS_DIGITS)) + Number(timeNs.slice(-NS_DIGITS)) / 1e6;

function nsFrom(text: string | undefined): string | null {
  if (!text || !/^\d+(\.\d+)?$/.test(text)) return null;
  return text.length >= 17 && !text.includes(".") ? text : nsOf(Number(text));
}

const VIEWS: readonly View[] = ["timeline", "state", "check"];
const viewOf = (text: string | undefined): View => VIEWS.find((view) => view === text) ?? "timeline";

/** The position from the URL; by default the last minute up to `nowMs`. */
export function positionOf(query: Record<string, string>, nowMs: number, fallbackKey: string | null): Position {
  const at = nsFrom(query["at"]);
  const from = Number(query["from"]) || (at ? msOf(at) - BEFORE_MS : nowMs - SPAN_MS);
  const to = Number(query["to"]) || from + SPAN_MS;
  return {
    key: query["symbol"] ?? fallbackKey,
    from_ms: Math.round(from),
    to_ms: Math.round(Math.max(to, from + 1000)),
    at_ns: at ?? nsOf(Math.round(from)),
    event_id: query["event"] ?? null,
    view: viewOf(query["view"]),
  };
}

export function positionHash({ key, from_ms, to_ms, at_ns, event_id, view }: Position): string {
  const query: Record<string, string> = { at: at_ns, from: String(from_ms), to: String(to_ms) };
  if (key !== null) query["symbol"] = key;
  if (event_id !== null) query["event"] = event_id;
  if (view !== "timeline") query["view"] = view;
  return routeHash("replay", null, query);
}

export interface Placed {
  event_id: string;
  time_ns: string;
}

const isAfter = (one: string, other: string) => (one.length === other.length ? one > other : one.length > other.length);

/** The index of the event at the position, or -1 if it is at none of these. */
function indexAt(events: readonly Placed[], eventId: string | null): number {
  return eventId === null ? -1 : events.findIndex((event) => event.event_id === eventId);
}

/** The next or previous event; null at the end of the range. */
export function stepped<Event extends Placed>(events: readonly Event[], atNs: string, eventId: string | null, by: 1 | -1): Event | null {
  const index = indexAt(events, eventId);
  if (index >= 0) return events[index + by] ?? null;
  if (by > 0) return events.find((event) => isAfter(event.time_ns, atNs)) ?? null;
  return events.findLast((event) => isAfter(atNs, event.time_ns)) ?? null;
}

/** The last event at or before a time. */
export function newestAt<Event extends Placed>(events: readonly Event[], atNs: string): Event | null {
  return events.findLast((event) => !isAfter(event.time_ns, atNs)) ?? null;
}
