// The live state: what the streams said, and whether they still speak. One flush an animation frame.

const API = "/api/v1";
const SILENCE_MS = 5000;
const RETRY_MS = [1000, 2000, 4000, 8000];
const HISTORY = 360;
const SAMPLE_MS = 1000;

export const live = {
  engine: null,
  account: null,
  view: "live",
  alerts: [],
  commands: [],
  symbols: new Map(),
  histories: new Map(),
  detail: null,
  selected: null,
  connected: false,
  retryAt: 0,
  loaded: false,
  engineTimeMs: 0,
  receivedAt: 0,
};

// Between messages the engine's clock is carried on by the browser's; never by more than two heartbeats.
export function engineNow() {
  const since = performance.now() - live.receivedAt;
  return live.engineTimeMs + (live.connected ? Math.min(since, 2000) : since);
}

const renderers = [];
let asked = false;

export function onFlush(render) {
  renderers.push(render);
}

export function flushSoon() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    for (const render of renderers) render();
  });
}

// Values that this page has seen, a sample a second, in rings of fixed size.
function ring() {
  const make = () => new Float64Array(HISTORY).fill(NaN);
  return { next: 0, count: 0, lastMs: -Infinity, time: make(), mid: make(), bid: make(), ask: make(), inventory: make(), pnl: make() };
}

const numberOf = (text) => (text === null || text === undefined ? NaN : Number(text));

function sample(row, nowMs) {
  let history = live.histories.get(row.key);
  if (!history) live.histories.set(row.key, (history = ring()));
  if (nowMs - history.lastMs < SAMPLE_MS) return;
  const at = history.next;
  history.time[at] = nowMs;
  history.mid[at] = numberOf(row.market?.mid);
  history.bid[at] = numberOf(row.bid.quote?.price);
  history.ask[at] = numberOf(row.ask.quote?.price);
  history.inventory[at] = numberOf(row.inventory?.position);
  history.pnl[at] = numberOf(row.pnl?.total);
  history.next = (at + 1) % HISTORY;
  history.count = Math.min(history.count + 1, HISTORY);
  history.lastMs = nowMs;
}

function take(message) {
  live.engineTimeMs = message.engine_time_ms;
  live.receivedAt = performance.now();
  if (message.engine) live.engine = message.engine;
  if (message.account) live.account = message.account;
  if (message.view) live.view = message.view;
  if (message.alerts) live.alerts = message.alerts;
  if (message.commands) live.commands = message.commands;
  for (const [key, row] of Object.entries(message.symbols ?? {})) live.symbols.set(key, row);
  for (const row of live.symbols.values()) sample(row, message.engine_time_ms);
  live.loaded = true;
}

// One event stream that reconnects by itself, and notices a silent server.
class Stream {
  constructor(path, receive, changed) {
    this.path = path;
    this.receive = receive;
    this.changed = changed;
    this.failures = 0;
    this.connect();
    this.watch = setInterval(() => {
      if (this.source && performance.now() - this.heardAt > SILENCE_MS) this.retry();
    }, 1000);
  }

  connect() {
    this.heardAt = performance.now();
    this.sequence = 0;
    this.source = new EventSource(API + this.path);
    for (const name of ["snapshot", "update", "heartbeat"]) {
      this.source.addEventListener(name, (event) => this.hear(event));
    }
    this.source.onerror = () => this.retry();
  }

  hear(event) {
    const message = JSON.parse(event.data);
    if (message.sequence !== this.sequence + 1) return this.retry();
    this.sequence = message.sequence;
    this.heardAt = performance.now();
    this.failures = 0;
    this.changed(true, 0);
    this.receive(message);
    flushSoon();
  }

  retry() {
    this.source?.close();
    this.source = null;
    const delay = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    this.changed(false, performance.now() + delay);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), delay);
    flushSoon();
  }

  close() {
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.source?.close();
  }
}

export function listen() {
  new Stream("/stream", take, (connected, retryAt) => {
    live.connected = connected;
    live.retryAt = retryAt;
  });
  setInterval(flushSoon, 250); // ages go on where no message comes
}

let detailStream = null;

export function select(key) {
  if (key === live.selected) return;
  detailStream?.close();
  live.selected = key;
  live.detail = null;
  detailStream = new Stream("/stream/" + encodeURIComponent(key), (message) => {
    if (message.detail) live.detail = message.detail;
  }, () => {});
  flushSoon();
}
