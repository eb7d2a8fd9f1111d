import { negated, signed, sumOf, withSign, shortened } from "../../format/numbers";
import { useRight } from "../../app/session";
import { engineNow } from "../../live/clock";
import { useAllSymbols, useCalmAccount, useEngine } from "../../live/hooks";
import { live } from "../../live/store";
import { Chart } from "../../ui/Chart";
import { Money } from "../../ui/Money";
import { Panel } from "../../ui/Panel";
import type { ChartSeries } from "../../ui/plot";
import { useCurve, type Sample } from "../../ui/series";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { drawable } from "../../format/numbers";
import { accountCurve } from "../pnl/curve";
import { newestMs } from "./summary";

const SERIES: readonly ChartSeries[] = [
  { label: "Drawdown", colour: "--danger", fill: "--danger-fill", width: 1 },
  { label: "Total PnL", colour: "--bid", width: 1.5 },
];

function sample(): Sample | null {
  const total = drawable(live.account?.pnl);
  return total === null ? null : [engineNow(), total, null, null, null, null, null, null];
}

export function PnlPanel() {
  const rows = useAllSymbols();
  const account = useCalmAccount();
  const engine = useEngine();
  const right = useRight("pnl");
  return (
    <Panel id="pnl" title="PnL" note={engine?.reporting_currency} atMs={newestMs(rows)}>
      {!right.allowed ? <Empty>PnL is not visible to your role. {right.because}</Empty> : account ? <Body /> : <Skeleton rows={6} />}
    </Panel>
  );
}

function Body() {
  const account = useCalmAccount();
  const rows = useAllSymbols();
  const engine = useEngine();
  const curve = useCurve({ kind: "pnl", key: null, sample });
  const { data, drawdown } = accountCurve(curve.columns);
  const parts = rows.flatMap((row) => (row.pnl?.currency === engine?.reporting_currency && row.pnl ? [row.pnl] : []));
  const fees = negated(sumOf(parts.map((each) => each.fees)));
  return (
    <>
      <p className="panel-line big" title={withSign(account?.session_pnl)}>
        <Money text={account?.session_pnl} /> <small>session</small>
      </p>
      <dl className="trio">
        <Part name="Day PnL" text={account?.day_pnl} />
        <Part name="Total PnL" text={account?.pnl} />
      </dl>
      <dl className="trio" title="Parts of the total PnL, for symbols quoted in the reporting currency">
        <Part name="Capture" text={sumOf(parts.map((each) => each.capture))} />
        <Part name="Inventory" text={sumOf(parts.map((each) => each.inventory))} />
        <Part name="Fees" text={fees} />
      </dl>
      {curve.problem ? (
        <Failure problem={curve.problem} onRetry={curve.again} />
      ) : (
        <Chart title="15 min" summary={`drawdown ${signed(drawdown, 2)}`} series={SERIES} data={data} decimals={1} include={[0]} empty={curve.isLoading ? "Loading the log\u2026" : "The curve starts with the first fill."} />
      )}
    </>
  );
}

function Part({ name, text }: { name: string; text: string | null | undefined }) {
  return (
    <div title={withSign(text)}>
      <dt>{name}</dt>
      <dd>
        <Money text={shortened(text, 2)} />
      </dd>
    </div>
  );
}
