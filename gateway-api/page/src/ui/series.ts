// A series that starts from the log and continues from the stream; bounded in length.
import { useEffect, useRef, useState } from "react";
import { query } from "../api/client";
import type { SeriesKind, SeriesResponse } from "../api/types";
import { drawable } from "../format/numbers";
import { plainKey, venueOf } from "../format/states";
import { useMoment } from "./moment";
import type { Columns } from "./Chart";
import { useAsk } from "./useAsk";

const POINTS_MAX = 1_200;
const SAMPLE_MS = 1_000;
const POINTS_ASKED = 600;

export type Sample = readonly (number | null)[];

/** Rows of the log as chart columns. */
function columnsOf(response: SeriesResponse | null): (number | null)[][] {
  if (!response) return [];
  return response.columns.map((_, column) => response.rows.map((row) => drawable(row[column])));
}

/** Appends a point and drops the oldest where there are too many; a point that is not newer is ignored. */
export function appended(columns: Columns, sample: Sample, max = POINTS_MAX): Columns {
  const newest = columns[0]?.at(-1) ?? -Infinity;
  const time = sample[0];
  if (time === null || time === undefined || time <= newest) return columns;
  return sample.map((value, index) => [...(columns[index] ?? []), value].slice(-max));
}


interface CurveRequest {
  kind: SeriesKind;
  /** None: the whole account. */
  key: string | null;
  /** The latest values, in the order of the log's columns; null before the first. */
  sample: () => Sample | null;
  minutes?: number;
  /** A past time at which the series ends. */
  toMs?: number | null;
}

export function useCurve({ kind, key, sample, minutes = 15, toMs = null }: CurveRequest) {
  const { isReplay } = useMoment();
  const symbol = key === null ? {} : { symbol: plainKey(key), venue: venueOf(key) };
  const end = toMs === null ? null : `${Math.round(toMs)}000000`;
  const from = toMs === null ? `-${minutes}m` : `${Math.round(toMs - minutes * 60_000)}000000`;
  const asked = useAsk<SeriesResponse>("/history/series" + query({ kind, ...symbol, from, to: end, points: POINTS_ASKED }));
  const [columns, setColumns] = useState<Columns>([]);
  const take = useRef(sample);
  take.current = sample;
  useEffect(() => setColumns(columnsOf(asked.data)), [asked.data]);
  const isReady = asked.data !== null || asked.problem !== null;
  useEffect(() => {
    if (isReplay || !isReady) return;
    const timer = setInterval(() => {
      const point = document.hidden ? null : take.current();
      if (point) setColumns((known) => appended(known, point));
    }, SAMPLE_MS);
    return () => clearInterval(timer);
  }, [isReplay, isReady, kind, key]);
  return { columns, problem: asked.problem, isLoading: asked.isLoading, again: asked.again };
}
