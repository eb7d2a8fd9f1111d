// Page-wide banners: halted, disconnected, partial data, session expiry.
import { useWatched } from "../app/external";
import { sessionState } from "../app/session";
import { grouped, shortened } from "../format/numbers";
import { plainReason } from "../format/reasons";
import { durationText } from "../format/times";
import { isClockKnown, useTick } from "../live/clock";
import { retryNow } from "../live/connect";
import { sidesQuoted } from "../live/commands";
import { useAccount, useAllSymbols, useCommands, useConnection, useEngine, useLoaded, useView } from "../live/hooks";
import { live } from "../live/store";
import { Icon } from "../ui/Icon";
import { Clock } from "../ui/time";
import { ApproveFlatten } from "./ApproveFlattenDialog";
import { openDialog } from "./dialogs";
import { withdrawalText } from "./withdrawal";

const SESSION_WARNING_MS = 60_000;

export function Banners() {
  return (
    <>
      <Halted />
      <Offline />
      <Partial />
      <SessionEnds />
    </>
  );
}

function Halted() {
  const account = useAccount();
  const engine = useEngine();
  const commands = useCommands();
  useAllSymbols();
  if (account?.state !== "HALT") return <div role="alert" id="halted" hidden />;
  const order = commands.find((command) => command.action === "halt" && command.key.startsWith("*"));
  const residual = `${grouped(shortened(account.gross_notional, 0))} ${engine?.reporting_currency ?? ""}`;
  return (
    <div className="banner halted" role="alert" id="halted">
      <Icon shape="octagon" />
      <p>
        <b>{order && isByCommand(account.reasons) ? <>ALL TRADING HALTED by {order.principal} <Clock atMs={order.time_ms} />: {order.reason}.</> : <>ALL TRADING HALTED: {plainReason(account.reasons.join("; ")) || "no reason given"}.</>}</b>{" "}
        {withdrawalText(account.withdrawals, sidesQuoted("*"))} Residual position {residual}. {nextStep(account)}
      </p>
      <ApproveFlatten scope="*" askedBy={account.flatten_asked_by} />
      <button type="button" onClick={() => openDialog.set({ kind: "resume", scope: "*" })}>
        Resume{"\u2026"}
      </button>
    </div>
  );
}

const isByCommand = (reasons: readonly string[]) => reasons.length === 1 && reasons[0]?.startsWith("COMMAND: ");

function nextStep(account: NonNullable<typeof live.account>): string {
  if (!account.latched) return "Ends by itself when its cause is gone.";
  if (account.resume_asked_by) return `${account.resume_asked_by} requested a resume: a second person has to approve.`;
  if (account.flattens) return "Positions are being closed; it stays halted until resumed.";
  return account.resume_people > 1 ? "Ending it takes two people: one requests, another resumes, with a reason." : "Stays halted until resumed, with a reason (role risk).";
}

function Offline() {
  const connection = useConnection();
  const isLoaded = useLoaded();
  const state = useWatched(sessionState);
  useTick(500);
  if (!isLoaded || connection.connected || state.kind !== "in") return <div role="status" id="offline" hidden />;
  const seconds = Math.max(0, Math.ceil((connection.retry_at_ms - performance.now()) / 1000));
  return (
    <div className="banner offline" role="status" id="offline">
      <Icon shape="triangle" />
      <p>
        <b>Disconnected from the gateway.</b> The data shown are ageing. <span aria-hidden="true">{seconds ? `Reconnecting in ${seconds} s.` : "Reconnecting."}</span> Commands are still sent, but their effect is not shown here.
      </p>
      <button type="button" onClick={retryNow}>
        Try now
      </button>
    </div>
  );
}

const PARTIAL_BECAUSE = {
  away: "The state store does not respond.",
  stale: "The view projector is silent or behind.",
};

function Partial() {
  const view = useView();
  const { connected } = useConnection();
  if (view === "live" || !connected) return <div role="status" id="partial" hidden />;
  return (
    <div className="banner offline" role="status" id="partial">
      <Icon shape="half" />
      <p>
        <b>PARTIAL: {PARTIAL_BECAUSE[view]}</b> What is shown grows old; trading goes on without it.
      </p>
    </div>
  );
}

function SessionEnds() {
  const state = useWatched(sessionState);
  useTick(1000);
  if (state.kind !== "in" || !isClockKnown()) return null;
  const leftMs = state.session.expires_ms - Date.now();
  if (leftMs > SESSION_WARNING_MS) return null;
  return (
    <div className="banner offline" role="status">
      <p>The session of {state.session.name} expires in {durationText(leftMs)}. Any key or click extends it.</p>
    </div>
  );
}

