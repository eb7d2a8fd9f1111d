// A time series on a canvas, with a text summary and a table of its newest points.
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { useWatched } from "../app/external";
import { shownTheme } from "../app/preferences";
import { clockText } from "../format/times";
import { plotOptions, type ChartSeries, type Marker } from "./plot";
import { Toggle } from "./controls";
import { useMoment } from "./moment";
import { Empty } from "./states";
import { useZone } from "./time";

/** Columns: milliseconds first, then one for each series. */
export type Columns = readonly (readonly (number | null)[])[];

export interface ChartProps {
  title: string;
  /** The latest values and their range, as text. */
  summary: string;
  series: readonly ChartSeries[];
  data: Columns;
  decimals: number;
  markers?: readonly Marker[];
  /** Values that must be visible, such as zero or a limit. */
  include?: readonly number[];
  sync?: string;
  /** First and last time shown, where several charts share an axis; none: those of the data. */
  span?: readonly [number, number] | null;
  empty: string;
}

const TABLE_ROWS = 30;

export function Chart(props: ChartProps) {
  const [isTable, setTable] = useState(false);
  const isEmpty = (props.data[0]?.length ?? 0) < 2;
  return (
    <figure className="chart">
      <figcaption>
        <b>{props.title}</b>
        <span className="chart-summary" title={props.summary}>{props.summary}</span>
        <Toggle pressed={isTable} onToggle={() => setTable(!isTable)} label={`${props.title} as a table`}>
          Table
        </Toggle>
      </figcaption>
      {isEmpty ? <Empty>{props.empty}</Empty> : isTable ? <PointTable {...props} /> : <Plot {...props} />}
    </figure>
  );
}

function Plot(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const moment = useMoment();
  const atMs = moment.isReplay ? moment.nowMs() : null;
  const replayed = useRef(atMs);
  replayed.current = atMs;
  const theme = useWatched(shownTheme);
  const zone = useZone();
  const shape = props.series.map((each) => each.label).join();
  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const options = plotOptions(newest.current, zone, () => ({ markers: newest.current.markers ?? [], at_ms: replayed.current }), () => newest.current.span ?? null);
    plot.current = new uPlot({ ...options, width: node.clientWidth, height: node.clientHeight }, aligned(newest.current.data), node);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: node.clientWidth, height: node.clientHeight }));
    observer.observe(node);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [theme, zone, shape, props.decimals]);
  useEffect(() => plot.current?.setData(aligned(props.data)), [props.data]);
  useEffect(() => plot.current?.redraw(false), [atMs]);
  return <div className="plot" ref={box} role="img" aria-label={`${props.title}. ${props.summary}`} />;
}

function aligned(data: Columns): uPlot.AlignedData {
  return data as uPlot.AlignedData;
}

function PointTable({ series, data, decimals, title }: ChartProps) {
  const zone = useZone();
  const [times = [], ...columns] = data;
  const rows = times.map((_, index) => times.length - 1 - index).slice(0, TABLE_ROWS);
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={`${title}, newest first`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map((each) => (
              <th key={each.label} scope="col" className="number">
                {each.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row}>
              <td>{clockText(times[row] ?? 0, zone)}</td>
              {columns.map((column, index) => (
                <td key={index} className="number">
                  {column[row]?.toFixed(decimals).replace("-", "\u2212") ?? "\u2013"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
