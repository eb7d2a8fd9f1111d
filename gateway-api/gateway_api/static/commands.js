// Commands: sent by REST, so that they work while the stream is down, and followed until they are in force.
import { byId, element, setClass, setText } from "./dom.js";
import { clockText, plainKey } from "./format.js";
import { live } from "./live.js";

const PATHS = { start: "/maker/start", stop: "/maker/stop", halt: "/maker/risk/halt", resume: "/maker/risk/resume" };
const SHOWN_DONE_MS = 8000;
const SHOWN_MS = 60_000;
const LOG_MAX = 4;
const log = [];

function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// key: "venue:symbol", or "*" for all. Resolves to null, or to the text of what went wrong.
export async function send(action, key, reason, haltSequence = null) {
  const body = { symbol: key, reason };
  if (haltSequence !== null) body.halt_sequence = haltSequence;
  const entry = { id: freshId(), action, key, sentAt: Date.now(), answer: null, doneAt: 0, failed: "" };
  log.unshift(entry);
  log.splice(LOG_MAX);
  try {
    const response = await fetch("/api/v1" + PATHS[action], {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": entry.id },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) entry.failed = answer.detail + " " + answer.hint;
    entry.answer = answer;
  } catch {
    entry.failed = "the gateway does not answer";
  }
  renderLog();
  return entry.failed || null;
}

const rowsOf = (key) => (key === "*" ? [...live.symbols.values()] : [live.symbols.get(key)].filter(Boolean));

function inForce({ action, key }) {
  const rows = rowsOf(key);
  if (action === "stop") return rows.every((row) => row.stopped);
  if (action === "start") return rows.every((row) => !row.stopped);
  const halted = key === "*" ? live.account?.state === "HALT" : rows.every((row) => row.risk?.own_state === "HALT");
  return action === "halt" ? halted : !halted;
}

function progress(entry) {
  if (entry.failed) return "failed: " + entry.failed;
  const sides = rowsOf(entry.key).reduce((sum, row) => sum + !!row.bid.quote + !!row.ask.quote, 0);
  const quiet = entry.action === "halt" || entry.action === "stop";
  const taken = live.commands.some((command) => command.command_id === entry.id);
  if (!entry.answer) return "sending";
  if (!taken) return "sent";
  if (!inForce(entry)) return "taken by the engine";
  if (quiet && sides) return "in force, " + sides + " sides still at the venue";
  entry.doneAt ||= Date.now();
  return quiet ? "in force, nothing of ours at the venue" : "in force";
}

export function renderLog() {
  const now = Date.now();
  const shown = log.filter((entry) => now - (entry.doneAt || entry.sentAt) < (entry.doneAt ? SHOWN_DONE_MS : SHOWN_MS));
  const box = byId("log");
  while (box.children.length > shown.length) box.lastElementChild.remove();
  while (box.children.length < shown.length) box.append(element("p"));
  shown.forEach((entry, index) => {
    const line = box.children[index];
    const text = entry.action.toUpperCase() + " " + plainKey(entry.key) + ", " + clockText(entry.sentAt) + ": " + progress(entry);
    setClass(line, entry.failed ? "failed" : entry.doneAt ? "done" : "");
    setText(line, text);
  });
}

export const switchMaker = (row) => send(row.stopped ? "start" : "stop", row.key, "from the page");

// --- the halt and resume dialog ---

let dialogAction = "halt";

export function openDialog(action, key = "*") {
  dialogAction = action;
  const halting = action === "halt";
  setText(byId("dialog-title"), halting ? "Halt trading" : "Resume trading");
  setText(byId("dialog-text"), halting
    ? "Cancels all orders of the scope at once and sends no new ones until a resume. Positions stay as they are."
    : "Ends the halt. Quoting starts again where nothing else stands against it.");
  setText(byId("dialog-confirm"), halting ? "Halt" : "Resume");
  setClass(byId("dialog-confirm"), halting ? "halt" : "");
  setText(byId("dialog-error"), "");
  fillScopes(key);
  byId("dialog-reason").value = "";
  byId("command-dialog").showModal();
  byId("dialog-cancel").focus();
}

function fillScopes(key) {
  const option = (value, text) => {
    const node = element("option", "", text);
    node.value = value;
    return node;
  };
  const keys = [...live.symbols.keys()].sort();
  const scope = byId("dialog-scope");
  scope.replaceChildren(option("*", "all symbols"), ...keys.map((name) => option(name, name)));
  scope.value = key;
}

function haltSequenceOf(key) {
  return (key === "*" ? live.account?.halt_sequence : live.symbols.get(key)?.risk?.halt_sequence) ?? null;
}

export function setUpDialog() {
  byId("dialog-cancel").addEventListener("click", () => byId("command-dialog").close());
  byId("command-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = byId("dialog-scope").value;
    const reason = byId("dialog-reason").value.trim();
    if (!reason) return setText(byId("dialog-error"), "A reason is needed.");
    const sequence = dialogAction === "resume" ? haltSequenceOf(key) : null;
    const wrong = await send(dialogAction, key, reason, sequence);
    setText(byId("dialog-error"), wrong ?? "");
    if (!wrong) byId("command-dialog").close();
  });
}
