// Explanation of the quote: each step from fair value to the tick, as a waterfall or table.
import { useState } from "react";
import type { ExplainedSide, Explanation, QuoteSides, Step, SymbolStatus } from "../../api/types";
import { replayHash, routeHash } from "../../app/routes";
import { figure, fixed, grouped, NOTHING, signed, trimmed } from "../../format/numbers";
import { settingWords, stepLabel } from "../../format/labels";
import { ageText } from "../../format/times";
import { useTick } from "../../live/clock";
import { Toggle } from "../../ui/controls";
import { Icon } from "../../ui/Icon";
import { useReason } from "../../ui/Reason";
import { useMoment } from "../../ui/moment";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { totalBps, waterfall, type Bar, type WaterfallRow } from "./waterfall";

interface WhyPanelProps {
  status: SymbolStatus;
  why: Explanation | null;
  isLoading: boolean;
}

export function WhyPanel({ status, why, isLoading }: WhyPanelProps) {
  const [isTable, setTable] = useState(false);
  const actions = (
    <Toggle pressed={isTable} onToggle={() => setTable(!isTable)} label="Why this quote as a table">
      Table
    </Toggle>
  );
  return (
    <Panel id="why" title="Why this quote" note={why ? <Source why={why} symbolKey={status.key} /> : null} actions={actions}>
      {why ? <Body why={why} isTable={isTable} symbolKey={status.key} /> : isLoading ? <Skeleton rows={12} /> : <Empty>No quote yet: the first quote target is explained here.</Empty>}
    </Panel>
  );
}

function Source({ why, symbolKey }: { why: Explanation; symbolKey: string }) {
  return (
    <>
      <Model why={why} /> <a href={replayHash(why.event_time_ms, symbolKey)}>#{why.sequence}</a> <TargetAge why={why} />
    </>
  );
}

/** A fallback for the configured model is marked, with the reason. */
function Model({ why }: { why: Explanation }) {
  const name = why.model.replaceAll("_", " ");
  if (!why.model_because) return <>{name}</>;
  return (
    <span className="warn" title={why.model_because}>
      {name} stands in
    </span>
  );
}

/** A target is valid until it expires, whatever its age. */
function TargetAge({ why }: { why: Explanation }) {
  const moment = useMoment();
  useTick(500);
  const nowMs = moment.nowMs();
  const age = ageText(nowMs - why.event_time_ms);
  return nowMs > why.valid_until_ms ? <span className="age dead">expired, {age} old</span> : <span>{age} old</span>;
}

function Body({ why, isTable, symbolKey }: { why: Explanation; isTable: boolean; symbolKey: string }) {
  return (
    <Scroll label="Steps from fair value to the quoted price">
      <Silent name="bid" because={why.bid.not_quoting_because} symbolKey={symbolKey} />
      <Silent name="ask" because={why.ask.not_quoting_because} symbolKey={symbolKey} />
      {isTable ? <StepTable sides={why} /> : <Steps sides={why} />}
      <GateWord name="bid" side={why.bid} symbolKey={symbolKey} />
      <GateWord name="ask" side={why.ask} symbolKey={symbolKey} />
    </Scroll>
  );
}

interface SilentProps {
  name: string;
  because: string | null | undefined;
  symbolKey: string;
}

function Silent({ name, because, symbolKey }: SilentProps) {
  const text = useReason(because ?? null, symbolKey);
  if (!because) return null;
  return (
    <p className="side-reason" data-why={name}>
      <Icon shape="ring" tone="warn" /> <b>No {name}</b> {text}
    </p>
  );
}

interface GateWordProps {
  name: string;
  side: ExplainedSide;
  symbolKey: string;
}

/** The last word on a quote is the gate's: it let the order out, or why not. */
function GateWord({ name, side, symbolKey }: GateWordProps) {
  const text = useReason(side.gate?.replace(/^denied: /, "") ?? null, symbolKey);
  if (side.not_quoting_because) return null;
  return (
    <p className="side-reason" data-gate={name}>
      <Icon shape={side.gate ? "octagon" : "circle"} tone={side.gate ? "bad" : "good"} /> <b>Gate, {name}</b> {side.gate ? `held back: ${text}` : "passed"}
    </p>
  );
}

/** Bars to the left lower the price, bars to the right raise it; the centre is fair value. */
function Steps({ sides }: { sides: QuoteSides }) {
  const { rows, reach_bps } = waterfall(sides);
  return (
    <table className="waterfall" id="why-rows">
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col" className="number bid">
            Bid
          </th>
          <th scope="col" className="axis">
            <abbr title="Basis points from fair value">bps</abbr>
          </th>
          <th scope="col" className="number ask">
            Ask
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <StepRow key={row.name} row={row} reach={reach_bps} isFirst={index === 0} />
        ))}
        <Final sides={sides} reach={reach_bps} />
      </tbody>
    </table>
  );
}

const hasEffect = (bar: Bar | null) => bar !== null && Math.abs(bar.step.effect_bps) >= 0.005;

function StepRow({ row, reach, isFirst }: { row: WaterfallRow; reach: number; isFirst: boolean }) {
  const isIdle = !isFirst && !hasEffect(row.bid) && !hasEffect(row.ask);
  const step = row.bid?.step ?? row.ask?.step;
  return (
    <tr className={isIdle ? "idle" : ""} data-step={row.name}>
      <th scope="row">
        {stepLabel(row.name)} <StepSource step={step} />
      </th>
      <td className="number">{isFirst ? <PriceAfter bar={row.bid} /> : effectText(row.bid)}</td>
      <td className="axis">
        <BarPiece bar={row.bid} reach={reach} side="bid" />
        <BarPiece bar={row.ask} reach={reach} side="ask" />
      </td>
      <td className="number">{isFirst ? <PriceAfter bar={row.ask} /> : effectText(row.ask)}</td>
    </tr>
  );
}

const effectText = (bar: Bar | null) => (hasEffect(bar) ? signed(bar?.step.effect_bps, 2) : NOTHING);

function PriceAfter({ bar }: { bar: Bar | null }) {
  return <>{bar ? figure(bar.step.price_after, 8) : NOTHING}</>;
}

function StepSource({ step }: { step: Step | undefined }) {
  if (!step) return null;
  const name = step.config_key?.split(".").at(-1);
  return (
    <small title={step.config_key ?? undefined}>
      {figure(step.input, 4)}
      {step.config_key && name ? (
        <>
          {" "}
          <a href={routeHash("audit", null, { setting: step.config_key })}>{settingWords(name)}</a>
        </>
      ) : null}
    </small>
  );
}

function BarPiece({ bar, reach, side }: { bar: Bar | null; reach: number; side: "bid" | "ask" }) {
  if (!bar || !hasEffect(bar)) return null;
  const at = (bps: number) => 50 + (bps / reach) * 49;
  const [from, to] = [at(Math.min(bar.from_bps, bar.to_bps)), at(Math.max(bar.from_bps, bar.to_bps))];
  return <i className={side} style={{ left: `${from}%`, width: `${Math.max(to - from, 0.7)}%` }} aria-hidden="true" />;
}

function Final({ sides, reach }: { sides: QuoteSides; reach: number }) {
  const at = (bps: number) => `${50 + (bps / reach) * 49}%`;
  return (
    <tr className="final" data-step="quoted">
      <th scope="row">
        quoted{" "}
        <small>
          {trimmed(sides.bid.size)} / {trimmed(sides.ask.size)}
        </small>
      </th>
      <td className="number bid">
        {grouped(sides.bid.price)}
        <small>{signed(totalBps(sides.bid), 2)}</small>
      </td>
      <td className="axis">
        <i className="bid tick" style={{ left: at(totalBps(sides.bid)) }} aria-hidden="true" />
        <i className="ask tick" style={{ left: at(totalBps(sides.ask)) }} aria-hidden="true" />
      </td>
      <td className="number ask">
        {grouped(sides.ask.price)}
        <small>{signed(totalBps(sides.ask), 2)}</small>
      </td>
    </tr>
  );
}

function StepTable({ sides }: { sides: QuoteSides }) {
  const { rows } = waterfall(sides);
  return (
    <table className="mini" id="why-table">
      <thead>
        <tr>
          <th scope="col">Step</th>
          <th scope="col" className="number">
            Input
          </th>
          <th scope="col" className="number">
            Bid, bps
          </th>
          <th scope="col" className="number">
            Bid after
          </th>
          <th scope="col" className="number">
            Ask, bps
          </th>
          <th scope="col" className="number">
            Ask after
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, bid, ask }) => (
          <tr key={name} data-step={name}>
            <th scope="row" title={(bid ?? ask)?.step.config_key ?? undefined}>
              {stepLabel(name)}
            </th>
            <td className="number">{figure((bid ?? ask)?.step.input ?? 0, 5)}</td>
            <td className="number">{fixed(bid?.step.effect_bps, 4)}</td>
            <td className="number">{bid ? figure(bid.step.price_after, 9) : NOTHING}</td>
            <td className="number">{fixed(ask?.step.effect_bps, 4)}</td>
            <td className="number">{ask ? figure(ask.step.price_after, 9) : NOTHING}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
