// Swimlanes: one mark per event, a line at the position; a click selects the nearest event.
import { useEffect, useRef, useState } from "react";
import type { EventRow, Lane } from "../../api/types";
import { useWatched } from "../../app/external";
import { shownTheme } from "../../app/preferences";
import { countLanes, LANE_COLOURS, LANES } from "./lanes";
import { msOf, type Position } from "./position";

const LANE_PX = 24;
const MARK_PX = 2;

interface LanesProps {
  events: readonly EventRow[];
  shown: readonly EventRow[];
  lanes: ReadonlySet<Lane>;
  onLanes: (lanes: ReadonlySet<Lane>) => void;
  position: Position;
  onSelect: (event: EventRow) => void;
}

export function Lanes({ events, shown, lanes, onLanes, position, onSelect }: LanesProps) {
  return (
    <div className="lanes">
      <LaneFilter events={events} lanes={lanes} onLanes={onLanes} />
      <LaneCanvas shown={shown} position={position} onSelect={onSelect} />
    </div>
  );
}

function LaneFilter({ events, lanes, onLanes }: Pick<LanesProps, "events" | "lanes" | "onLanes">) {
  const counts = countLanes(events);
  const toggle = (lane: Lane) => {
    const chosen = new Set(lanes);
    if (!chosen.delete(lane)) chosen.add(lane);
    onLanes(chosen);
  };
  return (
    <fieldset className="lane-filter">
      <legend className="hidden-text">Lanes</legend>
      {LANES.map((lane) => (
        <label key={lane}>
          <input type="checkbox" checked={lanes.has(lane)} onChange={() => toggle(lane)} />
          <span>{lane}</span>
          <small>{counts.get(lane) ?? 0}</small>
        </label>
      ))}
    </fieldset>
  );
}

function LaneCanvas({ shown, position, onSelect }: Pick<LanesProps, "shown" | "position" | "onSelect">) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const theme = useWatched(shownTheme);
  useEffect(() => {
    const node = canvas.current?.parentElement;
    if (!node) return;
    const observer = new ResizeObserver(() => setWidth(node.clientWidth));
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  const { from_ms, to_ms } = position;
  useEffect(() => {
    if (canvas.current && width) draw(canvas.current, width, shown, from_ms, to_ms);
  }, [shown, from_ms, to_ms, width, theme]);
  const pick = (event: React.MouseEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const lane = LANES[Math.floor((event.clientY - box.top) / LANE_PX)];
    const timeMs = from_ms + ((event.clientX - box.left) / box.width) * (to_ms - from_ms);
    const nearest = nearestEvent(shown, timeMs, lane);
    if (nearest) onSelect(nearest);
  };
  const share = (msOf(position.at_ns) - from_ms) / (to_ms - from_ms);
  return (
    <div className="lane-canvas" onClick={pick}>
      <canvas ref={canvas} role="img" aria-label={`${shown.length} events on ${LANES.length} lanes. The list below contains all of them.`} />
      <i className="playhead" style={{ left: `${Math.min(Math.max(share, 0), 1) * 100}%` }} aria-hidden="true" />
    </div>
  );
}

function nearestEvent(events: readonly EventRow[], timeMs: number, lane: Lane | undefined): EventRow | null {
  const inLane = events.filter((event) => event.lane === lane);
  let nearest: EventRow | null = null;
  for (const event of inLane.length ? inLane : events) {
    if (!nearest || Math.abs(event.time_ms - timeMs) < Math.abs(nearest.time_ms - timeMs)) nearest = event;
  }
  return nearest;
}

function draw(canvas: HTMLCanvasElement, width: number, events: readonly EventRow[], fromMs: number, toMs: number): void {
  const ratio = devicePixelRatio;
  const height = LANES.length * LANE_PX;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(LANES.map((lane) => [lane, style.getPropertyValue(LANE_COLOURS[lane])]));
  context.fillStyle = style.getPropertyValue("--line");
  LANES.forEach((_, index) => context.fillRect(0, (index + 1) * LANE_PX - 1, width, 1));
  for (const event of events) {
    const x = ((event.time_ms - fromMs) / (toMs - fromMs)) * width;
    context.fillStyle = colours[event.lane] ?? "";
    context.fillRect(x - MARK_PX / 2, LANES.indexOf(event.lane) * LANE_PX + 5, MARK_PX, LANE_PX - 11);
  }
}
