// The top strip: overall status, always visible, with the button that halts everything.
import type { ReactNode } from "react";
import type { SystemResponse } from "../api/types";
import { useWatched } from "../app/external";
import { route } from "../app/location";
import { useSession } from "../app/session";
import { fixed, grouped, NOTHING, percent, withSign } from "../format/numbers";
import { limitLabel } from "../format/labels";
import { CONNECTING, limitLook, PAUSED, tradingLook, UNKNOWN, type Look } from "../format/states";
import { ageText, freshness, zoneText } from "../format/times";
import { agedMs, engineNow, isClockKnown, skewMs, useTick } from "../live/clock";
import { useAwayMs, useIsAway } from "../live/away";
import { useAccount, useAlerts, useAllSymbols, useCalmAccount, useEngine, useHasEnded, useLoaded, useWarnAt } from "../live/hooks";
import { live } from "../live/store";
import { LimitBar } from "../ui/controls";
import { Icon, StateWord } from "../ui/Icon";
import { Money } from "../ui/Money";
import { Clock, useZone } from "../ui/time";
import { useAsk } from "../ui/useAsk";
import { openDialog } from "./dialogs";
import { withoutQuotes } from "../pages/overview/standing";
import { worstLimit } from "./worst";

const SYSTEM_EVERY_MS = 5_000;

export function Strip() {
  return (
    <div className="strip">
      <ModePill />
      <StatePill />
      <dl className="figures">
        <Pnl />
        <Exposure />
        <WorstLimit />
        <Alerts />
        <FeedAge />
        <Latency />
        <EngineClock />
        <User />
      </dl>
      <HaltButtons />
    </div>
  );
}

function Figure({ name, children, title, className }: { name: string; children: ReactNode; title?: string | undefined; className?: string }) {
  return (
    <div title={title} className={className}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ModePill() {
  const engine = useEngine();
  const hasEnded = useHasEnded();
  const { page } = useWatched(route);
  const mode = page === "replay" ? "REPLAY" : (engine?.mode ?? "paper").toUpperCase();
  const venue = engine ? `${engine.venue} venue, ${engine.feed_kind} market data at speed ${engine.speed}` : "";
  return (
    <span className={`pill mode ${mode.toLowerCase()}`} id="mode" title={venue}>
      <b>{mode}</b>
      {engine ? <small>{hasEnded ? "RECORDING ENDED" : `${engine.feed_kind.toUpperCase()} FEED`}</small> : null}
    </span>
  );
}

/** The state as it is now: unknown while nothing is read from the engine. */
export function useStateLook(): Look {
  const isAway = useIsAway();
  const known = useReadLook();
  return isAway ? UNKNOWN : known;
}

/** The state as it was last read. */
function useReadLook(): Look {
  const account = useCalmAccount();
  const isLoaded = useLoaded();
  const symbols = useAllSymbols();
  if (!isLoaded) return CONNECTING;
  const areStopped = symbols.length > 0 && symbols.every((row) => row.stopped);
  return areStopped && account?.state === "RUN" ? PAUSED : tradingLook(account?.state ?? null);
}

function StatePill() {
  return (
    <span className="pill state" id="state">
      <StateWord look={useStateLook()} />
      <WasRead />
    </span>
  );
}

function WasRead() {
  const awayMs = useAwayMs();
  const was = useReadLook();
  if (awayMs === null) return null;
  return (
    <small>
      was {was.word} {ageText(Math.floor(awayMs / 1000) * 1000)} ago
    </small>
  );
}

function Pnl() {
  const account = useCalmAccount();
  const engine = useEngine();
  const isHidden = account !== null && account.session_pnl === null;
  const title = account && !isHidden ? `Day PnL ${withSign(account.day_pnl)}, total PnL ${withSign(account.pnl)}` : undefined;
  return (
    <Figure name="Session PnL" title={title}>
      <span id="pnl">{isHidden ? <span className="muted">hidden</span> : <Money text={account?.session_pnl} />}</span> <small>{engine?.reporting_currency}</small>
    </Figure>
  );
}

function Exposure() {
  const account = useCalmAccount();
  const exposure = account?.exposure ?? null;
  const share = account && exposure !== null ? exposure / account.exposure_max : 0;
  const title = account ? `Gross notional ${grouped(account.gross_notional)}` : undefined;
  return (
    <Figure name="Exposure" title={title}>
      {account && exposure === null ? <span className="muted">hidden</span> : percent(exposure, 1)} <small>of {percent(account?.exposure_max)}</small>{" "}
      <LimitBar share={share} label="Exposure" />
    </Figure>
  );
}

function WorstLimit() {
  const worst = worstLimit(useCalmAccount(), useAllSymbols());
  const look = limitLook(worst?.share ?? 0, useWarnAt());
  return (
    <Figure name="Worst limit" title={worst ? `${limitLabel(worst.limit.name)} of ${worst.owner}` : undefined}>
      {worst ? (
        <span className={look.tone}>
          <Icon shape={look.shape} /> {percent(worst.share)} <small>{limitLabel(worst.limit.name)}</small>
        </span>
      ) : (
        NOTHING
      )}
    </Figure>
  );
}

function Alerts() {
  const alerts = useAlerts();
  const { none } = withoutQuotes(useAllSymbols());
  const open = alerts.filter((alert) => alert.severity !== "info" && alert.acknowledged_by === null).length + Number(none > 0);
  return (
    <Figure name="Alerts" title={`${open} unacknowledged, ${alerts.length} in total${none ? `; ${none} symbols without quotes` : ""}`}>
      <span className={open ? "warn" : ""}>
        {open ? <Icon shape="triangle" /> : null} {open}
      </span>{" "}
      <small>of {alerts.length}</small>
    </Figure>
  );
}

function FeedAge() {
  const symbols = useAllSymbols();
  useTick(500);
  const newest = symbols.reduce((latest, row) => Math.max(latest, row.market?.event_time_ms ?? 0), 0);
  const ageMs = engineNow() - newest;
  const state = newest ? freshness(agedMs(ageMs), live.staleMs) : "fresh";
  return (
    <Figure name="Feed age" title="Time since the newest book of any symbol">
      <span className={`age ${state}`} id="feed-age">
        {newest ? (state === "fresh" ? ageText(ageMs) : `stale ${ageText(ageMs)}`) : NOTHING}
      </span>
    </Figure>
  );
}

function Latency() {
  const { data } = useAsk<SystemResponse>("/system", SYSTEM_EVERY_MS);
  const stage = data?.latency[0];
  const oldestMs = Math.max(0, ...(data?.processes.map((each) => each.age_ms ?? 0) ?? []));
  const silent = data?.processes.filter((each) => each.state === "silent").length ?? 0;
  return (
    <>
      <Figure name="Book to order p99" title={stage ? `p50 ${fixed(stage.p50_ms, 2)} ms of ${stage.count}` : undefined}>
        {stage ? fixed(stage.p99_ms, 1) : NOTHING} <small>ms</small>
      </Figure>
      <Figure name="Lag" title={data ? `${data.shape}: the longest time since a process had an input` : undefined} className="optional">
        {silent ? <span className="bad">{silent} silent</span> : data ? ageText(oldestMs) : NOTHING}
      </Figure>
    </>
  );
}

function EngineClock() {
  const zone = useZone();
  const isAway = useIsAway();
  const engine = useEngine();
  const hasEnded = useHasEnded();
  useTick(500);
  if (isAway) {
    return (
      <Figure name={`Read at, ${zoneText(zone)}`} title="The engine's time when anything was last read from it" className="optional">
        <span id="clock">{isClockKnown() ? <Clock atMs={engineNow(live.readAtMs)} /> : NOTHING}</span>
      </Figure>
    );
  }
  if (engine?.feed_kind === "recorded") {
    return (
      <Figure name={`Recording, ${zoneText(zone)}`} title="Time of the recording" className="optional">
        <span id="clock">{isClockKnown() ? <Clock atMs={engineNow()} withDay /> : NOTHING}</span>{" "}
        <small>{hasEnded ? "ended" : `speed ${engine.speed}`}</small>
      </Figure>
    );
  }
  const skew = skewMs();
  const skewText = Math.abs(skew) < 1000 ? `${fixed(skew, 0)} ms` : `${fixed(skew / 1000, 0)} s`;
  return (
    <Figure name={`Clock, ${zoneText(zone)}`} title={`The engine's clock is ${skewText} ahead of this browser's`} className="optional">
      <span id="clock">{isClockKnown() ? <Clock atMs={engineNow()} /> : NOTHING}</span> <small>skew {isClockKnown() ? skewText : NOTHING}</small>
    </Figure>
  );
}

function User() {
  const session = useSession();
  return (
    <Figure name="User" title={session?.roles.join(", ")} className="optional user">
      {session?.name ?? NOTHING} <small>{session && session.roles.length > 1 ? `${session.roles.length} roles` : session?.roles[0]}</small>
    </Figure>
  );
}

function HaltButtons() {
  const account = useAccount();
  return (
    <span className="halt-buttons">
      {account?.state === "HALT" ? (
        <button type="button" id="resume-button" onClick={() => openDialog.set({ kind: "resume", scope: "*" })}>
          Resume
        </button>
      ) : null}
      <button type="button" id="halt-button" className="halt" onClick={() => openDialog.set({ kind: "halt", scope: "*" })}>
        <Icon shape="octagon" />
        HALT
      </button>
    </span>
  );
}
