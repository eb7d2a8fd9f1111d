import { useMemo, useState } from "react";
import { API, query } from "../../api/client";
import { useRight } from "../../app/session";
import { drawable, shortened, signed, withSign } from "../../format/numbers";
import { dayText } from "../../format/times";
import { engineNow } from "../../live/clock";
import { useAllSymbols, useCalmAccount, useEngine } from "../../live/hooks";
import { live } from "../../live/store";
import { Chart } from "../../ui/Chart";
import { Panel } from "../../ui/Panel";
import type { ChartSeries } from "../../ui/plot";
import { useCurve, type Sample } from "../../ui/series";
import { Failure } from "../../ui/states";
import { newestMs } from "../overview/summary";
import { accountCurve } from "./curve";

const SERIES: readonly ChartSeries[] = [
  { label: "Drawdown", colour: "--danger", fill: "--danger-fill", width: 1 },
  { label: "Total PnL", colour: "--bid", width: 2 },
];
const SPANS_MIN = [15, 60, 240, 1440] as const;

const sample = (): Sample | null => {
  const total = drawable(live.account?.pnl);
  return total === null ? null : [engineNow(), total, null, null, null, null, null, null];
};

const spanText = (minutes: number) => (minutes < 60 ? `${minutes} min` : `${minutes / 60} h`);

export function EquityPanel() {
  const [minutes, setMinutes] = useState<number>(SPANS_MIN[0]);
  const rows = useAllSymbols();
  const account = useCalmAccount();
  const engine = useEngine();
  const curve = useCurve({ kind: "pnl", key: null, sample, minutes });
  const { data, drawdown } = useMemo(() => accountCurve(curve.columns), [curve.columns]);
  const actions = (
    <>
      {SPANS_MIN.map((span) => (
        <button key={span} type="button" className="toggle" aria-pressed={span === minutes} onClick={() => setMinutes(span)}>
          {spanText(span)}
        </button>
      ))}
      <Download path="/history/series" values={{ kind: "pnl", from: `-${minutes}m` }} name="pnl" />
    </>
  );
  return (
    <Panel id="equity" title="Equity and drawdown" note={engine?.reporting_currency} actions={actions} atMs={newestMs(rows)}>
      {curve.problem ? (
        <Failure problem={curve.problem} onRetry={curve.again} />
      ) : (
        <Chart
          title="Total PnL"
          summary={`${withSign(shortened(account?.pnl, 2))}; session ${withSign(shortened(account?.session_pnl, 2))}, day ${withSign(shortened(account?.day_pnl, 2))}; drawdown ${signed(drawdown, 2)} over the selected range`}
          series={SERIES}
          data={data}
          decimals={1}
          include={[0]}
          empty={curve.isLoading ? "Loading the log\u2026" : "The curve begins with the first fill."}
        />
      )}
    </Panel>
  );
}

interface DownloadProps {
  path: string;
  values: Record<string, string>;
  name: string;
}

/** Links to the same data as files, for those who may take them away. */
export function Download({ path, values, name }: DownloadProps) {
  const right = useRight("export");
  if (!right.allowed) return <span className="note" title={right.because}>no export</span>;
  return (
    <span className="downloads">
      {["csv", "parquet"].map((format) => (
        <a key={format} className="link" href={API + path + query({ ...values, format })} download={`${name}-${dayText(engineNow(), "utc")}.${format}`}>
          {format.toUpperCase()}
        </a>
      ))}
    </span>
  );
}
