// Chart styling: palette colours, times in the chosen zone, custom markers.
import uPlot from "uplot";
import { fixed } from "../format/numbers";
import { clockText, type Zone } from "../format/times";

export interface ChartSeries {
  label: string;
  /** A colour of the palette: "--bid". */
  colour: string;
  step?: boolean;
  dashed?: boolean;
  /** Filled down to zero, in a fainter colour of the palette. */
  fill?: string;
  width?: number;
}

/** A triangle up or down at a time and a value. */
export interface Marker {
  time_ms: number;
  value: number;
  up: boolean;
  colour: string;
  size_px: number;
  hollow?: boolean;
}

interface Plotted {
  series: readonly ChartSeries[];
  decimals: number;
  include?: readonly number[];
  sync?: string;
}

const FONT = "11px system-ui, sans-serif";
const AXIS_WIDTH_PX = 62;
const ROOM = 0.08;

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function lineOf({ label, colour, step, dashed, fill, width }: ChartSeries): uPlot.Series {
  const line: uPlot.Series = { label, stroke: colourOf(colour), width: width ?? 1.5, points: { show: false }, spanGaps: false };
  if (dashed) line.dash = [4, 4];
  if (fill) line.fill = colourOf(fill);
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  if (step && stepped) line.paths = stepped;
  return line;
}

/** The range of the data with a margin, including values that must be visible. */
export function rangeOf(low: number | null, high: number | null, include: readonly number[]): [number, number] {
  const known = [low, high, ...include].filter((value): value is number => value !== null && Number.isFinite(value));
  if (!known.length) return [0, 1];
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const room = (most - least) * ROOM || Math.abs(most) * 1e-4 || 1;
  return [least - room, most + room];
}

function axes(decimals: number, zone: Zone): uPlot.Axis[] {
  const look = { stroke: colourOf("--muted"), font: FONT, ticks: { show: false }, grid: { stroke: colourOf("--line"), width: 1 } };
  const times = (_: uPlot, values: number[]) => values.map((value) => clockText(Math.round(value / 1000) * 1000, zone));
  const numbers = (_: uPlot, values: number[]) => values.map((value) => fixed(value, decimals));
  return [
    { ...look, size: 22, gap: 2, space: 90, values: times },
    { ...look, size: AXIS_WIDTH_PX, gap: 4, space: 28, side: 1, values: numbers },
  ];
}

function triangle(context: CanvasRenderingContext2D, x: number, y: number, size: number, isUp: boolean): void {
  const height = isUp ? -size : size;
  context.beginPath();
  context.moveTo(x, y + height);
  context.lineTo(x - size, y - height);
  context.lineTo(x + size, y - height);
  context.closePath();
}

export interface Marks {
  markers: readonly Marker[];
  /** A past time, drawn as a line; none in a live chart. */
  at_ms: number | null;
}

function drawMarks(plot: uPlot, { markers, at_ms }: Marks): void {
  drawMarkers(plot, markers);
  if (at_ms === null) return;
  const x = plot.valToPos(at_ms, "x", true);
  const { ctx: context, bbox } = plot;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  context.fillStyle = colourOf("--replay");
  context.fillRect(x - devicePixelRatio, bbox.top, 2 * devicePixelRatio, bbox.height);
}

function drawMarkers(plot: uPlot, markers: readonly Marker[]): void {
  const { ctx: context } = plot;
  const { min = 0, max = 0 } = plot.scales["x"] ?? {};
  context.save();
  for (const marker of markers) {
    if (marker.time_ms < (min ?? 0) || marker.time_ms > (max ?? 0)) continue;
    const [x, y] = [plot.valToPos(marker.time_ms, "x", true), plot.valToPos(marker.value, "y", true)];
    triangle(context, x, y, marker.size_px * devicePixelRatio, marker.up);
    context.strokeStyle = context.fillStyle = colourOf(marker.colour);
    if (marker.hollow) context.stroke();
    else context.fill();
  }
  context.restore();
}

export function plotOptions(chart: Plotted, zone: Zone, marks: () => Marks, span: () => readonly [number, number] | null): Omit<uPlot.Options, "width" | "height"> {
  const cursor: uPlot.Cursor = { y: false, points: { size: 5 }, drag: { x: false, y: false } };
  if (chart.sync) cursor.sync = { key: chart.sync };
  return {
    ms: 1,
    legend: { show: false },
    padding: [6, 0, 0, 4],
    cursor,
    scales: {
      x: { time: true, range: (_, low, high) => [...(span() ?? [low, high])] as [number, number] },
      y: { range: (_, low, high) => rangeOf(low, high, chart.include ?? []) },
    },
    axes: axes(chart.decimals, zone),
    series: [{}, ...chart.series.map(lineOf)],
    hooks: { draw: [(plot) => drawMarks(plot, marks())] },
  };
}
