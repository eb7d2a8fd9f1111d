// Single-key shortcuts, which can be disabled; none trades or halts without a dialog.
import { openDialog } from "../frame/dialogs";
import { lastSymbol } from "../frame/lastSymbol";
import { live } from "../live/store";
import { go, route } from "./location";
import { nextTheme, nextZone, preferences } from "./preferences";
import { routeHash, type Page } from "./routes";

export const KEY_HELP: readonly (readonly [keys: readonly string[], text: string])[] = [
  [["?"], "this help"],
  [["/"], "search symbols"],
  [["g", "then", "o s r p i y a"], "overview, symbol, risk, PnL, incidents, system, audit"],
  [["j", "k"], "next and previous row"],
  [["Enter"], "open the row"],
  [["w"], "explain the quote of the row or the open symbol"],
  [["Space"], "freeze moving data; symbol page: centre the ladder; replay: play"],
  [["[", "]"], "replay: previous or next event"],
  [["{", "}"], "replay: previous or next quote"],
  [["Home", "End"], "replay: start or end of the range"],
  [["a"], "acknowledge the newest open alert"],
  [["Shift", "H"], "halt dialog"],
  [["t"], "dark or light"],
  [["u"], "UTC or local time"],
  [["Esc"], "close dialog, leave field"],
];

const PAGE_KEYS: Record<string, Page> = { o: "overview", s: "symbol", r: "risk", p: "pnl", i: "replay", y: "system", a: "audit" };
const SEQUENCE_MS = 1_500;

type KeyAction = () => void;

/** Shortcuts of the current page; the newest takes precedence. */
const layers: Record<string, KeyAction>[] = [];

export function addKeys(keys: Record<string, KeyAction>): () => void {
  layers.push(keys);
  return () => {
    layers.splice(layers.indexOf(keys), 1);
  };
}

function acknowledgeNewest(): void {
  const open = live.alerts.find((alert) => alert.acknowledged_by === null);
  if (open) openDialog.set({ kind: "acknowledge", alertId: open.alert_id });
}

const BASE: Record<string, KeyAction> = {
  "?": () => openDialog.set({ kind: "help" }),
  H: () => openDialog.set({ kind: "halt", scope: (route.get().page === "symbol" && route.get().key) || "*" }),
  t: nextTheme,
  u: nextZone,
  a: acknowledgeNewest,
  " ": () => live.setHeld(!live.isHeld),
  "/": () => document.getElementById("search")?.focus(),
};

let sequenceAt = -Infinity;

function actionOf(key: string): KeyAction | undefined {
  const page = performance.now() - sequenceAt < SEQUENCE_MS ? PAGE_KEYS[key] : undefined;
  sequenceAt = key === "g" ? performance.now() : -Infinity;
  if (page) return () => go(routeHash(page, page === "symbol" ? lastSymbol() : null));
  const layer = [...layers].reverse().find((each) => each[key]);
  return layer?.[key] ?? BASE[key];
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=radio]), select, textarea");
}

// Enter and Space activate the focused element.
const isPress = (event: KeyboardEvent) =>
  (event.key === " " || event.key === "Enter") && event.target instanceof HTMLElement && event.target.closest("button, a, summary, input, [role=slider]") !== null;

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
    return;
  }
  if (!preferences.get().singleKeys || isPress(event)) return;
  const action = actionOf(event.key);
  if (!action) return;
  event.preventDefault();
  action();
}

export function listenToKeys(): () => void {
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
