// The top strip and the banners: is anything wrong?
import { byId, setClass, setText } from "./dom.js";
import { NOTHING, ageText, clockText, dayText, fixed, percent, signClass, signed, stateLook } from "./format.js";
import { engineNow, live } from "./live.js";

const STALE_MS = 2000;
const ENGINE_STATES = { RUN: "RUNNING", REDUCE_ONLY: "REDUCE ONLY", HALT: "HALTED" };

export function renderStrip() {
  document.body.classList.toggle("loading", !live.loaded);
  document.body.classList.toggle("offline", live.loaded && !live.connected);
  renderState();
  renderFigures();
  renderBanners();
}

function renderState() {
  const state = live.account?.state ?? null;
  const word = !live.loaded ? "CONNECTING" : state ? ENGINE_STATES[state] : "STARTING";
  const [shape, look] = state ? stateLook(state) : ["ring", "calm"];
  const pill = byId("state");
  setClass(pill, "pill state " + look);
  setClass(pill.firstElementChild, "icon " + shape);
  setText(pill.lastElementChild, word);
  if (live.engine) {
    const feed = live.engine.feed_kind.toUpperCase() + " FEED";
    setText(byId("mode"), live.engine.mode.toUpperCase() + " \u00b7 " + feed);
    byId("mode").title = "Simulated venue, " + live.engine.feed_kind + " market data. Version " + live.engine.version;
  }
  const alerts = urgentAlerts();
  document.title = (alerts ? "(" + alerts + ") " : "") + word + " \u2013 Market maker";
}

const urgentAlerts = () => live.alerts.filter((alert) => alert.severity !== "info").length;

function renderFigures() {
  const account = live.account;
  setText(byId("clock"), live.loaded ? clockText(engineNow()) : NOTHING);
  byId("clock").title = live.loaded ? dayText(engineNow()) : "";
  renderFeedAge();
  if (!account) return;
  const pnl = Number(account.pnl);
  setText(byId("pnl"), signed(pnl, 2) + " " + (live.engine?.reporting_currency ?? ""));
  setClass(byId("pnl"), signClass(pnl));
  setText(byId("exposure"), percent(account.exposure, 2) + " of " + percent(account.exposure_max));
  renderMeter(byId("exposure-bar"), account.exposure / account.exposure_max);
  renderWorstLimit();
  const urgent = urgentAlerts();
  setText(byId("alert-count"), urgent ? urgent + " of " + live.alerts.length : String(live.alerts.length));
  setClass(byId("alert-count"), urgent ? "warn" : "");
}

export function renderMeter(meter, share) {
  meter.low = 0.7;
  meter.high = 0.9;
  meter.optimum = 0;
  meter.value = Math.min(Math.max(share, 0), 1);
}

export const limitShare = (limit) => (limit.limit ? Math.max(0, limit.value / limit.limit) : 0);

function renderWorstLimit() {
  let worst = null;
  const consider = (limits, owner) => {
    for (const limit of limits) {
      const share = limitShare(limit);
      if (!worst || share > worst.share) worst = { share, name: limit.name, owner };
    }
  };
  consider(live.account.limits, "account");
  for (const row of live.symbols.values()) consider(row.risk?.limits ?? [], row.symbol);
  const cell = byId("worst-limit");
  setText(cell, worst ? percent(worst.share) + " " + worst.name : NOTHING);
  cell.title = worst ? worst.name + " of " + worst.owner : "";
  setClass(cell, !worst || worst.share < 0.8 ? "" : worst.share < 1 ? "warn" : "bad");
}

function renderFeedAge() {
  let newest = 0;
  for (const row of live.symbols.values()) newest = Math.max(newest, row.market?.event_time_ms ?? 0);
  const cell = byId("feed-age");
  const age = engineNow() - newest;
  setText(cell, newest ? ageText(age) : NOTHING);
  setClass(cell, newest && age > STALE_MS ? "warn" : "");
}

function renderBanners() {
  const offline = byId("offline");
  offline.hidden = !live.loaded || live.connected;
  if (!offline.hidden) {
    const seconds = Math.max(0, Math.ceil((live.retryAt - performance.now()) / 1000));
    const last = clockText(live.engineTimeMs);
    setText(offline, "Disconnected from the gateway. What is shown is from " + last + " UTC. Next try in " + seconds + " s. Commands are still sent.");
  }
  const partial = live.connected && live.view !== "live";
  byId("partial").hidden = !partial;
  if (partial) {
    const why = live.view === "away" ? "The state store does not answer." : "The view projector is silent or behind.";
    setText(byId("partial"), "PARTIAL: " + why + " What is shown grows old; trading goes on without it.");
  }
  const account = live.account;
  const halted = account?.state === "HALT";
  byId("halted").hidden = !halted;
  byId("resume-button").hidden = !halted;
  if (halted) {
    const orders = [...live.symbols.values()].reduce((sum, row) => sum + !!row.bid.quote + !!row.ask.quote, 0);
    const exposure = fixed(Number(account.gross_notional), 0) + " " + live.engine.reporting_currency;
    const reasons = account.reasons.join("; ") || "no reason given";
    const end = account.latched ? "Only a resume ends it." : "It ends when the cause does.";
    setText(byId("halted"), "ALL TRADING HALTED: " + reasons + ". Sides with an order at the venue: " + orders + ". Positions left: " + exposure + ". " + end);
  }
}
