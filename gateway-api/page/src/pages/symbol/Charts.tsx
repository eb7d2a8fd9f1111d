// Quotes, inventory and PnL over the same time range, with a shared cursor.
import { useMemo } from "react";
import type { Detail, Fill, SymbolStatus } from "../../api/types";
import { useRight } from "../../app/session";
import { decimalsOf, drawable, grouped, percent, shortened, trimmed, withSign } from "../../format/numbers";
import { Chart, type Columns } from "../../ui/Chart";
import type { ChartSeries, Marker } from "../../ui/plot";
import { useCurve, type Sample } from "../../ui/series";
import { Empty, Failure } from "../../ui/states";
import { accountCurve } from "../pnl/curve";
import { useProfit } from "./profit";

interface ChartsProps {
  status: SymbolStatus;
  detail: Detail | null;
  toMs: number | null;
}

interface OneChartProps extends ChartsProps {
  curve: ReturnType<typeof useCurve>;
  /** Of all three charts, so that their axes agree. */
  span: readonly [number, number] | null;
}

const QUOTES: readonly ChartSeries[] = [
  { label: "Own bid", colour: "--bid", step: true, width: 2 },
  { label: "Own ask", colour: "--ask", step: true, width: 2 },
  { label: "Market bid", colour: "--edge", step: true, width: 1 },
  { label: "Market ask", colour: "--edge", step: true, width: 1 },
  { label: "Mid", colour: "--text", width: 1, dashed: true },
];
const INVENTORY: readonly ChartSeries[] = [
  { label: "Inventory, of maximum", colour: "--bid", step: true, fill: "--bid-fill" },
];
const PNL: readonly ChartSeries[] = [
  { label: "Drawdown", colour: "--danger", fill: "--danger-fill", width: 1 },
  { label: "Total PnL", colour: "--bid" },
];
/** Shares of the maximum: the band and half of it. The engine decides when rebalancing starts. */
const BAND = [-1, 0, 1];
const SYNC = "symbol";

export function Charts(props: ChartsProps) {
  const { status, toMs } = props;
  const quotes = useCurve({ kind: "quotes", key: status.key, toMs, sample: () => quoteSample(status) });
  const inventory = useCurve({ kind: "inventory", key: status.key, toMs, sample: () => inventorySample(status) });
  const pnl = useCurve({ kind: "pnl", key: status.key, toMs, sample: () => pnlSample(status) });
  const span = spanOf([quotes, inventory, pnl].map((curve) => curve.columns[0] ?? []));
  return (
    <div className="charts">
      <QuoteChart {...props} curve={quotes} span={span} />
      <InventoryChart {...props} curve={inventory} span={span} />
      <PnlChart {...props} curve={pnl} span={span} />
    </div>
  );
}

/** From the first to the last time of all. */
function spanOf(times: readonly (readonly (number | null)[])[]): readonly [number, number] | null {
  const ends = times.flatMap((each) => [each[0], each.at(-1)]).filter((time): time is number => typeof time === "number");
  return ends.length ? [Math.min(...ends), Math.max(...ends)] : null;
}

function QuoteChart({ status, detail, curve, span }: OneChartProps) {
  const markers = useMemo(() => fillMarkers(detail?.fills ?? []), [detail?.fills]);
  if (curve.problem) return <Failure problem={curve.problem} onRetry={curve.again} />;
  const decimals = decimalsOf(detail?.contract?.tick_size ?? status.market?.bid ?? "0.01");
  return (
    <Chart
      title="Quotes"
      summary={`bid ${grouped(status.bid.quote?.price)}, ask ${grouped(status.ask.quote?.price)}, mid ${grouped(status.market?.mid)}; triangles are fills`}
      series={QUOTES}
      data={curve.columns}
      decimals={Math.min(decimals, 4)}
      markers={markers}
      sync={SYNC}
      span={span}
      empty={curve.isLoading ? "Loading the log\u2026" : "No quote in this time range."}
    />
  );
}

function InventoryChart({ status, detail, curve, span }: OneChartProps) {
  const data = useMemo<Columns>(() => [curve.columns[0] ?? [], curve.columns[3] ?? []], [curve.columns]);
  const markers = useMemo(() => inventoryMarkers(detail?.fills ?? [], data, status), [detail?.fills, data, status]);
  if (curve.problem) return <Failure problem={curve.problem} onRetry={curve.again} />;
  return (
    <Chart
      title="Inventory"
      summary={inventoryText(status)}
      series={INVENTORY}
      data={data}
      decimals={2}
      markers={markers}
      include={BAND}
      sync={SYNC}
      span={span}
      empty={curve.isLoading ? "Loading the log\u2026" : "No position yet: the curve starts with the first fill."}
    />
  );
}

function PnlChart({ status, curve, span }: OneChartProps) {
  const right = useRight("pnl");
  const profit = useProfit(status);
  const { data, drawdown } = useMemo(() => accountCurve(curve.columns), [curve.columns]);
  if (!right.allowed) return <Empty>PnL is not visible to your role. {right.because}</Empty>;
  if (curve.problem) return <Failure problem={curve.problem} onRetry={curve.again} />;
  return (
    <Chart
      title="PnL"
      summary={`total ${withSign(shortened(profit?.total, 2))} ${profit?.currency ?? ""}, drawdown ${withSign(shortened(String(drawdown), 2))}`}
      series={PNL}
      data={data}
      decimals={1}
      include={[0]}
      sync={SYNC}
      span={span}
      empty={curve.isLoading ? "Loading the log\u2026" : "No PnL yet: the curve starts with the first fill."}
    />
  );
}

function quoteSample({ bid, ask, market, event_time_ms }: SymbolStatus): Sample {
  return [event_time_ms, drawable(bid.quote?.price), drawable(ask.quote?.price), drawable(market?.bid), drawable(market?.ask), drawable(market?.mid)];
}

function inventorySample({ inventory, event_time_ms }: SymbolStatus): Sample | null {
  if (!inventory) return null;
  return [event_time_ms, drawable(inventory.position), drawable(inventory.notional_reporting), inventory.bias, null];
}

function pnlSample({ pnl, event_time_ms }: SymbolStatus): Sample | null {
  return pnl ? [event_time_ms, drawable(pnl.total), null, null, null, null, null, null] : null;
}

function inventoryText({ inventory }: SymbolStatus): string {
  if (!inventory) return "no position";
  const signal = inventory.rebalance_action === "none" ? "no rebalancing" : `rebalance: ${inventory.rebalance_action} ${trimmed(inventory.rebalance_size)}`;
  return `${trimmed(inventory.position)} ${inventory.base_currency}, ${percent(inventory.bias)} of maximum; ${signal}`;
}

const markerSize = (size: string, largest: number) => 3 + (largest ? ((drawable(size) ?? 0) / largest) * 3 : 0);
const largestOf = (fills: readonly Fill[]) => Math.max(0, ...fills.map((fill) => drawable(fill.size) ?? 0));

function fillMarkers(fills: readonly Fill[]): Marker[] {
  const largest = largestOf(fills);
  return fills.map((fill) => ({
    time_ms: fill.time_ms,
    value: drawable(fill.price) ?? 0,
    up: fill.side === "buy",
    colour: fill.side === "buy" ? "--bid" : "--ask",
    size_px: markerSize(fill.size, largest),
  }));
}

/** Fills at their step; the current rebalancing signal as a hollow triangle at the end. */
function inventoryMarkers(fills: readonly Fill[], [times = [], biases = []]: Columns, { inventory }: SymbolStatus): Marker[] {
  const valueAt = (timeMs: number) => biases[times.findLastIndex((time) => (time ?? 0) <= timeMs + 1000)] ?? 0;
  const marks = fillMarkers(fills).map((marker) => ({ ...marker, value: valueAt(marker.time_ms) }));
  const newest = times.at(-1);
  if (!inventory || inventory.rebalance_action === "none" || !newest) return marks;
  const up = inventory.rebalance_action === "buy";
  return [...marks, { time_ms: newest, value: 0, up, colour: up ? "--bid" : "--ask", size_px: 5, hollow: true }];
}
