// Selects symbol and time range: by time, or by an alert.
import { plainKey } from "../../format/states";
import { clockText } from "../../format/times";
import { engineNow } from "../../live/clock";
import { useAlerts, useKeys } from "../../live/hooks";
import { Clock, useZone } from "../../ui/time";
import { nsOf, type Position } from "./position";
import type { Move } from "./usePosition";

const SPANS_MS: readonly (readonly [number, string])[] = [
  [10_000, "10 s"],
  [60_000, "1 min"],
  [300_000, "5 min"],
  [900_000, "15 min"],
];
const BEFORE_ALERT_MS = 30_000;

interface StretchBarProps {
  position: Position;
  move: Move;
  text: string;
  onText: (text: string) => void;
}

export function StretchBar({ position, move, text, onText }: StretchBarProps) {
  const spanMs = position.to_ms - position.from_ms;
  const stretch = (fromMs: number, span = spanMs) => move({ from_ms: Math.round(fromMs), to_ms: Math.round(fromMs + span), at_ns: nsOf(fromMs), event_id: null });
  return (
    <div className="stretch-bar">
      <SymbolSelect position={position} move={move} />
      <button type="button" onClick={() => stretch(position.from_ms - spanMs)}>
        {"\u2190"} Earlier
      </button>
      <span className="stretch-times">
        <Clock atMs={position.from_ms} /> {"\u2013"} <Clock atMs={position.to_ms} />
      </span>
      <button type="button" onClick={() => stretch(position.to_ms)}>
        Later {"\u2192"}
      </button>
      <button type="button" onClick={() => stretch(engineNow() - spanMs)}>
        Newest
      </button>
      <label className="inline">
        Span{" "}
        <select value={SPANS_MS.some(([ms]) => ms === spanMs) ? spanMs : ""} onChange={(event) => stretch(position.from_ms, Number(event.target.value))}>
          {SPANS_MS.some(([ms]) => ms === spanMs) ? null : <option value="">{Math.round(spanMs / 1000)} s</option>}
          {SPANS_MS.map(([ms, name]) => (
            <option key={ms} value={ms}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <AlertSelect move={move} />
      <span className="spacer" />
      <input type="search" className="event-search" placeholder="Reason, event id, type" aria-label="Filter events by text" value={text} onChange={(event) => onText(event.target.value)} />
    </div>
  );
}

function SymbolSelect({ position, move }: { position: Position; move: Move }) {
  const keys = useKeys();
  const known = position.key === null || keys.includes(position.key) ? keys : [position.key, ...keys];
  return (
    <select className="symbol-name" aria-label="Symbol" value={position.key ?? ""} onChange={(event) => move({ key: event.target.value, event_id: null })}>
      {known.map((key) => (
        <option key={key} value={key}>
          {plainKey(key)}
        </option>
      ))}
    </select>
  );
}

function AlertSelect({ move }: { move: Move }) {
  const alerts = useAlerts();
  const zone = useZone();
  const open = (id: string) => {
    const alert = alerts.find((each) => each.alert_id === id);
    if (!alert) return;
    const fromMs = Math.round(alert.last_ms - BEFORE_ALERT_MS);
    const key = alert.key.startsWith("*") ? {} : { key: alert.key };
    move({ ...key, from_ms: fromMs, to_ms: fromMs + 2 * BEFORE_ALERT_MS, at_ns: nsOf(alert.last_ms), event_id: null });
  };
  if (!alerts.length) return null;
  return (
    <label className="inline">
      Alert{" "}
      <select value="" onChange={(event) => open(event.target.value)}>
        <option value="">go to{"\u2026"}</option>
        {alerts.map((alert) => (
          <option key={alert.alert_id} value={alert.alert_id}>
            {clockText(alert.last_ms, zone)} {alert.name} {plainKey(alert.key)}
          </option>
        ))}
      </select>
    </label>
  );
}
