// One symbol in depth: ladder, why this quote, charts, fills and trades.
import { drawLines } from "./chart.js";
import { byId, element, resize, setClass, setText } from "./dom.js";
import { NOTHING, ageText, clockText, clockMsText, fixed, grouped, percent, signClass, signed, stateLook, trimmed } from "./format.js";
import { engineNow, live } from "./live.js";
import { limitShare, renderMeter } from "./strip.js";

let drawnDetail = null;
let drawnRow = null;

export function renderDetail() {
  const row = live.symbols.get(live.selected);
  byId("detail").hidden = !row;
  document.body.classList.toggle("without-detail", !row);
  if (!row) return;
  if (row !== drawnRow || live.detail !== drawnDetail) renderHead(row);
  if (row !== drawnRow) {
    renderFacts(row);
    renderCharts(row);
  }
  if (live.detail !== drawnDetail || row !== drawnRow) renderLadder(row);
  if (live.detail !== drawnDetail) {
    renderFills();
    renderTrades();
  }
  renderWhy();
  drawnRow = row;
  drawnDetail = live.detail;
}

function renderHead(row) {
  const [shape, look, word] = stateLook(row.state);
  setText(byId("detail-title"), row.symbol);
  const state = byId("detail-state");
  setClass(state, "state-word " + look);
  if (!state.firstChild) state.append(element("i"), element("span"));
  setClass(state.firstChild, "icon " + shape);
  const reasons = row.risk?.reasons.length ? ": " + row.risk.reasons.join("; ") : "";
  setText(state.lastChild, word + reasons);
  const contract = live.detail?.contract;
  setText(byId("detail-contract"), contract ? contractText(row, contract) : row.venue);
  setText(byId("detail-switch"), row.stopped ? "Start" : "Stop");
  setText(byId("detail-halt"), row.risk?.own_state === "HALT" ? "Resume symbol" : "Halt symbol");
}

function contractText(row, contract) {
  const inferred = contract.inferred.length ? " \u00b7 inferred: " + contract.inferred.join(", ") : "";
  return [row.venue, contract.contract_kind, "tick " + contract.tick_size, "lot " + contract.lot_size,
    "maker fee " + contract.maker_fee_bps + " bps"].join(" \u00b7 ") + inferred;
}

// --- ladder ---

function ladderRow() {
  const bar = element("i");
  const size = element("td", "number size", bar, element("span"));
  return element("tr", "", element("td", "number own-size"), element("td", "number price"), size);
}

function renderLadder(row) {
  const body = byId("ladder");
  const detail = live.detail;
  if (!detail) return body.replaceChildren();
  const asks = detail.asks.toReversed();
  const lines = [...asks.map((level) => ["ask", level]), ["mid", row.market], ...detail.bids.map((level) => ["bid", level])];
  resize(body, lines.length, ladderRow);
  const largest = Math.max(...[...detail.asks, ...detail.bids].map((level) => Number(level.size ?? 0)), 1e-12);
  lines.forEach(([side, level], index) => renderLevel(body.children[index], side, level, largest));
  centreOnce(body);
}

function renderLevel(node, side, level, largest) {
  const [own, price, size] = node.children;
  if (side === "mid") {
    setClass(node, "mid");
    setText(own, "");
    setText(price, grouped(level?.mid));
    setText(size.lastChild, level ? fixed(level.spread_bps, 2) + " bps" : "");
    size.firstChild.style.width = "0";
    return;
  }
  setClass(node, "side-" + side + (level.own_size ? " own" : ""));
  setText(own, level.own_size ? trimmed(level.own_size) : "");
  setText(price, grouped(level.price));
  setText(size.lastChild, level.size ? grouped(level.size) : NOTHING);
  size.firstChild.style.width = (Number(level.size ?? 0) / largest) * 100 + "%";
}

let centredFor = null;

function centreOnce(body) {
  if (centredFor === live.selected) return;
  centredFor = live.selected;
  const box = body.closest(".scroll");
  const mid = body.querySelector(".mid");
  box.scrollTop = mid.offsetTop - box.clientHeight / 2;
}

// --- why this quote ---

function whyRow() {
  const step = element("td", "step", element("b"), element("small"));
  const effect = (side) => element("td", "number effect " + side, element("span"), element("i"));
  const price = (side) => element("td", "number " + side);
  return element("tr", "", step, effect("bid"), price("bid"), effect("ask"), price("ask"));
}

function renderWhy() {
  const why = live.detail?.why;
  const body = byId("why-rows");
  if (!why) {
    resize(body, 0, whyRow);
    setText(byId("why-age"), "no quote yet");
    return;
  }
  const now = engineNow();
  const expired = now > why.valid_until_ms ? ", expired" : "";
  setText(byId("why-age"), "model " + why.model + " \u00b7 quote " + why.sequence + " \u00b7 " + ageText(now - why.event_time_ms) + " old" + expired);
  if (live.detail === drawnDetail) return;
  const names = [...new Set([...why.bid.steps, ...why.ask.steps].map((step) => step.name))];
  const largest = Math.max(...[...why.bid.steps, ...why.ask.steps].map((step) => Math.abs(step.effect_bps)), 1e-9);
  resize(body, names.length ? names.length + 1 : 0, whyRow);
  names.forEach((name, index) => {
    const bid = why.bid.steps.find((step) => step.name === name);
    const ask = why.ask.steps.find((step) => step.name === name);
    renderStep(body.children[index], name, bid, ask, index === 0 ? null : largest);
  });
  if (names.length) renderFinal(body.lastElementChild, why);
  for (const side of ["bid", "ask"]) {
    const because = why[side].not_quoting_because;
    setText(byId("why-" + side), because ? "No " + side + ": " + because : "");
  }
}

const shortNumber = (value, digits = 6) => String(Number(value.toPrecision(digits))).replace("-", "\u2212");

// The first step is the price that all effects are measured from: it has none (`largest` is null).
function renderStep(node, name, bid, ask, largest) {
  const [step, bidEffect, bidPrice, askEffect, askPrice] = node.children;
  const any = bid ?? ask;
  const [title, drivenBy] = step.children;
  setClass(node, [bid, ask].some((side) => side?.effect_bps) || largest === null ? "" : "none");
  setText(title, name.replaceAll("_", " "));
  setText(drivenBy, shortNumber(any.input, 5) + (any.config_key ? " \u00b7 " + any.config_key.split(".").at(-1) : ""));
  step.title = any.config_key ? "Configured by " + any.config_key : "";
  renderEffect(bidEffect, bid, largest);
  renderEffect(askEffect, ask, largest);
  setText(bidPrice, bid ? shortPrice(bid.price_after) : NOTHING);
  setText(askPrice, ask ? shortPrice(ask.price_after) : NOTHING);
}

function renderEffect(cell, step, largest) {
  const shown = step && largest !== null;
  setText(cell.firstChild, shown ? signed(step.effect_bps, 2) : "");
  cell.lastChild.style.width = shown ? (Math.abs(step.effect_bps) / largest) * 48 + "px" : "0";
}

// Model prices between ticks: one digit more than the tick has is enough to follow the steps.
function shortPrice(price) {
  const tick = live.detail?.contract?.tick_size ?? "0.01";
  const decimals = (tick.split(".")[1] ?? "").length + 1;
  return fixed(price, decimals);
}

function renderFinal(node, why) {
  setClass(node, "final");
  const [step, bidEffect, bidPrice, askEffect, askPrice] = node.children;
  setText(step.children[0], "quoted");
  setText(step.children[1], "size " + trimmed(why.bid.size) + " / " + trimmed(why.ask.size));
  for (const [cell, side] of [[bidEffect, why.bid], [askEffect, why.ask]]) {
    const total = side.steps.reduce((sum, item) => sum + item.effect_bps, 0);
    setText(cell.firstChild, side.price ? signed(total, 2) : "");
    cell.lastChild.style.width = "0";
  }
  setText(bidPrice, grouped(why.bid.price));
  setText(askPrice, grouped(why.ask.price));
}

// --- charts and facts ---

function renderCharts(row) {
  const history = live.histories.get(row.key);
  if (!history) return;
  const quotes = drawLines(byId("quote-chart"), history, [
    { name: "ask", colour: "--ask", step: true },
    { name: "bid", colour: "--bid", step: true },
    { name: "mid", colour: "--text", width: 1.5 },
  ]);
  const inventory = drawLines(byId("inventory-chart"), history, [{ name: "inventory", colour: "--bid", step: true }], { zero: true });
  const pnl = drawLines(byId("pnl-chart"), history, [{ name: "pnl", colour: "--text", width: 1.5 }], { zero: true });
  setText(byId("chart-span"), quotes ? "last " + ageText(quotes.seconds * 1000) + " seen here" : "");
  describe("quote", "Mid", quotes, grouped(row.market?.mid));
  describe("inventory", "Inventory", inventory, row.inventory ? trimmed(row.inventory.position) + " " + row.inventory.base_currency : NOTHING);
  describe("pnl", "PnL", pnl, row.pnl ? signed(Number(row.pnl.total), 4) + " " + row.pnl.currency : NOTHING);
}

function describe(name, title, range, now) {
  setText(byId(name + "-chart-text"), now);
  const text = range ? title + " now " + now + ", between " + range.low + " and " + range.high : title + ": nothing seen yet";
  byId(name + "-chart").setAttribute("aria-label", text);
}

function renderFacts(row) {
  const pnl = row.pnl;
  const stock = row.inventory;
  facts(byId("profit"), pnl ? [
    ["Spread capture", signed(Number(pnl.capture), 4)],
    ["Inventory", signed(Number(pnl.inventory), 4)],
    ["Fees", signed(-Number(pnl.fees), 4)],
    ["Total " + pnl.currency, signed(Number(pnl.total), 4), "total " + signClass(Number(pnl.total))],
    ["Max drawdown", fixed(Number(pnl.max_drawdown), 4)],
    ["Average price", stock ? trimmed(stock.average_price) : NOTHING],
    ["Rebalance", stock && stock.rebalance_action !== "none" ? stock.rebalance_action + " " + trimmed(stock.rebalance_size) : "none"],
  ] : [["Profit", "no fill yet"]]);
  const activity = row.activity;
  facts(byId("counters"), [
    ["Orders", activity.orders], ["Amends", activity.amends], ["Cancels", activity.cancels],
    ["Rejects", activity.rejects], ["Denials", activity.denials], ["Halts", activity.halts],
    ["Refused events", activity.refused_events],
  ].map(([name, count]) => [name, grouped(String(count))]));
  limits(row.risk?.limits ?? []);
}

function facts(list, pairs) {
  resize(list, pairs.length, () => element("div", "", element("dt"), element("dd")));
  pairs.forEach(([name, value, look], index) => {
    const [title, text] = list.children[index].children;
    setText(title, name);
    setText(text, value);
    setClass(list.children[index], look ?? "");
  });
}

function limits(used) {
  const list = byId("limits");
  const meterRow = () => element("div", "", element("dt"), element("meter"), element("dd"));
  resize(list, used.length, meterRow);
  used.forEach((limit, index) => {
    const [title, meter, text] = list.children[index].children;
    const share = limitShare(limit);
    setText(title, limit.name.replaceAll("_", " "));
    renderMeter(meter, share);
    meter.ariaLabel = limit.name;
    setText(text, shortNumber(limit.value, 4) + " / " + shortNumber(limit.limit) + " \u00b7 " + percent(share));
    text.title = limit.unit;
  });
}

// --- fills and trades ---

function tapeRow(columns) {
  return () => element("tr", "", ...Array.from({ length: columns }, (_, index) => element("td", index ? "number" : "")));
}

function renderFills() {
  const fills = live.detail?.fills ?? [];
  const body = byId("fills");
  byId("fills-empty").hidden = fills.length > 0;
  resize(body, fills.length, tapeRow(5));
  fills.forEach((fill, index) => {
    const [time, side, price, size, edge] = body.children[index].children;
    setText(time, clockText(fill.time_ms));
    time.title = clockMsText(fill.time_ms) + " " + fill.liquidity + ", fee " + fill.fee + " " + fill.fee_currency;
    setText(side, fill.side.toUpperCase());
    setClass(side, fill.side === "buy" ? "bid" : "ask");
    setText(price, grouped(fill.price));
    setText(size, trimmed(fill.size));
    setText(edge, signed(fill.edge_bps, 1) + " bps");
  });
}

function renderTrades() {
  const trades = live.detail?.trades ?? [];
  const body = byId("trades");
  byId("trades-empty").hidden = trades.length > 0;
  resize(body, trades.length, tapeRow(4));
  trades.forEach((trade, index) => {
    const [time, side, price, size] = body.children[index].children;
    setText(time, clockText(trade.time_ms));
    setText(side, trade.side ? trade.side.toUpperCase() : NOTHING);
    setClass(side, trade.side === "buy" ? "bid" : trade.side ? "ask" : "calm");
    setText(price, grouped(trade.price));
    setText(size, trimmed(trade.size));
  });
}
