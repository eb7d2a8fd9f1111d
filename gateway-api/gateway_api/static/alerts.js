// The list of alerts, and what is read out to those who do not see the screen.
import { byId, element, resize, setClass, setText } from "./dom.js";
import { clockText, plainKey } from "./format.js";
import { live } from "./live.js";

const LOOKS = { info: ["ring", "calm", "INFO"], warning: ["triangle", "warn", "WARN"], critical: ["octagon", "bad", "CRITICAL"] };
const SPOKEN_EVERY_MS = 5000;
let drawn = null;
let fillsSpoken = null;
let spokenAt = -Infinity;

function alertRow() {
  const word = element("span", "", element("i"), element("span"));
  return element("li", "", element("span", "muted"), word, element("span"));
}

export function renderAlerts() {
  if (drawn !== live.alerts) {
    drawn = live.alerts;
    const list = byId("alerts");
    byId("alerts-empty").hidden = drawn.length > 0;
    resize(list, drawn.length, alertRow);
    drawn.forEach((alert, index) => renderAlert(list.children[index], alert));
  }
  speakFills();
}

function renderAlert(node, alert) {
  const [time, severity, text] = node.children;
  const [shape, look, word] = LOOKS[alert.severity];
  setText(time, clockText(alert.time_ms));
  setClass(severity, "state-word " + look);
  setClass(severity.firstChild, "icon " + shape);
  setText(severity.lastChild, word);
  setText(text, plainKey(alert.key) + ": " + alert.message);
  text.title = alert.name;
}

function speakFills() {
  const now = performance.now();
  if (now - spokenAt < SPOKEN_EVERY_MS || !live.loaded) return;
  let fills = 0;
  for (const row of live.symbols.values()) fills += row.activity.fills;
  const fresh = fillsSpoken === null ? 0 : fills - fillsSpoken;
  fillsSpoken = fills;
  spokenAt = now;
  if (fresh > 0) setText(byId("announce"), fresh + (fresh === 1 ? " new fill" : " new fills"));
}
