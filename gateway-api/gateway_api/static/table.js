// The table of symbols: a row object keeps its cells, and writes only what changed.
import { byId, element, setClass, setText } from "./dom.js";
import { NOTHING, ageText, fixed, grouped, percent, signClass, signed, stateLook, trimmed } from "./format.js";
import { engineNow, live, select } from "./live.js";

const STALE_MS = 2000;
const DEAD_MS = 10_000;
const body = byId("rows");
const rows = new Map();
let order = "";

class OwnCell {
  constructor(side) {
    this.node = element("td");
    this.price = element("b", side);
    this.distance = element("span", "muted");
    this.size = element("span", "muted");
    this.quote = element("div", "own-quote", this.price, this.distance, this.size);
    this.shown = null;
  }

  render(side) {
    const kind = side.quote ? "quote" : "none";
    if (this.shown !== kind) {
      this.shown = kind;
      this.node.replaceChildren(...(side.quote ? [this.quote] : []));
      this.node.shownText = undefined;
      setClass(this.node, side.quote ? "" : "none");
    }
    if (side.quote) {
      this.node.title = side.quote.status.replace("_", " ");
      setText(this.price, grouped(side.quote.price));
      setText(this.distance, signed(side.quote.distance_bps, 1));
      setText(this.size, trimmed(side.quote.size));
    } else {
      this.node.title = side.reason;
      setText(this.node, side.reason);
    }
  }
}

class StockCell {
  constructor() {
    this.amount = element("span");
    this.fill = element("i", "fill");
    this.node = element("td", "", element("div", "stock", this.amount, element("span", "track", this.fill)));
  }

  render(inventory) {
    setText(this.amount, inventory ? trimmed(inventory.position) : NOTHING);
    this.node.title = "nothing bought or sold yet";
    if (!inventory) return;
    const share = Math.min(Math.abs(inventory.bias), 1) * 50;
    setClass(this.fill, inventory.bias < 0 ? "fill short" : "fill");
    this.fill.style.left = (inventory.bias < 0 ? 50 - share : 50) + "%";
    this.fill.style.width = share + "%";
    this.node.title = signed(inventory.bias * 100, 1) + " % of the maximum";
  }
}

class Row {
  constructor(key, open, switchMaker) {
    this.key = key;
    this.node = element("tr");
    this.node.tabIndex = -1;
    this.node.dataset.key = key;
    this.icon = element("i", "icon");
    this.word = element("span");
    this.state = element("span", "state-word", this.icon, this.word);
    this.name = element("td", "name");
    this.cells = {};
    for (const name of ["bid", "ask", "spread", "pnl", "volatility", "fills", "share", "age"]) {
      this.cells[name] = element("td", "number");
    }
    for (const name of ["bid", "ask", "spread"]) this.cells[name].classList.add("fresh");
    this.cells.volatility.classList.add("wide");
    this.ownBid = new OwnCell("bid");
    this.ownAsk = new OwnCell("ask");
    this.stock = new StockCell();
    this.button = element("button");
    this.button.type = "button";
    this.button.addEventListener("click", (event) => {
      event.stopPropagation();
      switchMaker(live.symbols.get(key));
    });
    this.node.addEventListener("click", () => open(key));
    const { bid, ask, spread, pnl, volatility, fills, share, age } = this.cells;
    this.node.append(element("td", "", this.state), this.name, bid, ask, spread, this.ownBid.node, this.ownAsk.node,
      this.stock.node, pnl, volatility, fills, share, age, element("td", "number", this.button));
  }

  render(data, nowMs) {
    if (this.data !== data) {
      this.data = data;
      this.renderData(data);
    }
    this.renderAge(data, nowMs);
    const current = data.key === live.selected;
    if (this.current !== current) {
      this.current = current;
      if (current) this.node.setAttribute("aria-current", "true");
      else this.node.removeAttribute("aria-current");
    }
  }

  renderData(data) {
    const [shape, look, word] = stateLook(data.state);
    setClass(this.state, "state-word " + look);
    setClass(this.icon, "icon " + shape);
    setText(this.word, word);
    this.state.title = data.risk?.reasons.join("; ") ?? "";
    if (!this.name.firstChild) this.name.append(data.symbol, element("small", "", data.venue));
    setText(this.cells.bid, grouped(data.market?.bid));
    setText(this.cells.ask, grouped(data.market?.ask));
    setText(this.cells.spread, fixed(data.market?.spread_bps, 2));
    this.ownBid.render(data.bid);
    this.ownAsk.render(data.ask);
    this.stock.render(data.inventory);
    this.renderMoney(data);
    setText(this.cells.fills, grouped(String(data.activity.fills)));
    setText(this.cells.share, percent(data.activity.two_sided_share));
    setText(this.button, data.stopped ? "Start" : "Stop");
    this.button.ariaLabel = (data.stopped ? "Start " : "Stop ") + data.symbol;
  }

  renderMoney(data) {
    const pnl = data.pnl ? Number(data.pnl.total) : null;
    setText(this.cells.pnl, signed(pnl, 2));
    setClass(this.cells.pnl, "number " + signClass(pnl ?? 0));
    if (data.pnl) {
      const { capture, inventory, fees, currency } = data.pnl;
      this.cells.pnl.title = "capture " + capture + ", inventory " + inventory + ", fees " + fees + " " + currency;
    }
    const features = data.features;
    const volatility = features ? fixed(features.volatility_bps, 2) + " " + features.regime : NOTHING;
    setText(this.cells.volatility, features && !features.volatility_ready ? "warming up" : volatility);
  }

  renderAge(data, nowMs) {
    const age = data.market ? nowMs - data.market.event_time_ms : null;
    const stale = age !== null && age > STALE_MS;
    setText(this.cells.age, age === null ? NOTHING : (stale ? "stale " : "") + ageText(age));
    setClass(this.cells.age, stale ? "number stale" : "number");
    this.node.classList.toggle("dead", age !== null && age > DEAD_MS);
  }
}

let openRow = () => {};
let switchMaker = () => {};

export function setUpTable(actions) {
  openRow = actions.open;
  switchMaker = actions.switchMaker;
  byId("sort").addEventListener("change", renderTable);
  byId("search").addEventListener("input", renderTable);
  for (let index = 0; index < 5; index += 1) {
    const row = element("tr", "skeleton");
    for (let cell = 0; cell < 14; cell += 1) row.append(element("td", "", element("span")));
    body.append(row);
  }
}

const byName = (a, b) => (a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : a.key < b.key ? -1 : 1);
const byWorst = (a, b) => a.rank - b.rank || byName(a, b);

function wanted() {
  const search = byId("search").value.trim().toUpperCase();
  const found = [...live.symbols.values()].filter((row) => row.key.toUpperCase().includes(search));
  return found.sort(byId("sort").value === "name" ? byName : byWorst);
}

export function renderTable() {
  if (!live.loaded) return;
  const list = wanted();
  for (const data of list) {
    if (!rows.has(data.key)) rows.set(data.key, new Row(data.key, openRow, switchMaker));
  }
  const wantedOrder = list.map((data) => data.key).join("\n");
  if (order !== wantedOrder || body.firstElementChild?.className === "skeleton") {
    order = wantedOrder;
    reorder(list.map((data) => rows.get(data.key).node));
  }
  const nowMs = engineNow();
  for (const data of list) rows.get(data.key).render(data, nowMs);
  renderTotals();
  renderEmpty(list.length);
}

// Moving a row would take the focus away from it: it is given back.
function reorder(nodes) {
  const focused = document.activeElement;
  body.replaceChildren(...nodes);
  if (body.contains(focused)) focused.focus({ preventScroll: true });
  if (!body.querySelector('[tabindex="0"]') && nodes.length) nodes[0].tabIndex = 0;
}

function renderTotals() {
  const counts = new Map();
  for (const row of live.symbols.values()) counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
  const words = [...counts].map(([state, count]) => count + " " + stateLook(state)[2].toLowerCase());
  setText(byId("totals"), words.join(" \u00b7 "));
}

function renderEmpty(shown) {
  const none = live.symbols.size === 0;
  const text = none
    ? "No symbols yet. They appear when the engine's feed announces them; start one with: make run"
    : "No symbol matches the search.";
  setText(byId("empty"), shown ? "" : text);
}

export function moveFocus(step) {
  const nodes = [...body.querySelectorAll("tr[data-key]")];
  if (!nodes.length) return;
  const focused = nodes.indexOf(document.activeElement);
  const from = focused >= 0 ? focused : nodes.findIndex((node) => node.dataset.key === live.selected) - (step < 0 ? 0 : step);
  const at = Math.min(Math.max((focused >= 0 ? from : Math.max(from, -1)) + step, 0), nodes.length - 1);
  for (const node of nodes) node.tabIndex = -1;
  nodes[at].tabIndex = 0;
  nodes[at].focus();
}

export function selectFirst() {
  if (live.selected || !live.loaded) return;
  const asked = decodeURIComponent(location.hash.slice(1));
  const first = live.symbols.has(asked) ? asked : wanted()[0]?.key;
  if (first) select(first);
}

export const focusedKey = () => document.activeElement?.dataset?.key ?? null;
