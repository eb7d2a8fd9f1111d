// The page: wires the live state to what shows it, and the keyboard and buttons to what they do.
import { renderAlerts } from "./alerts.js";
import { openDialog, renderLog, setUpDialog, switchMaker } from "./commands.js";
import { byId } from "./dom.js";
import { renderDetail } from "./detail.js";
import { flushSoon, listen, live, onFlush, select } from "./live.js";
import { renderStrip } from "./strip.js";
import { focusedKey, moveFocus, renderTable, selectFirst, setUpTable } from "./table.js";

function open(key) {
  history.replaceState(null, "", "#" + encodeURIComponent(key));
  select(key);
}

const selectedRow = () => live.symbols.get(live.selected);

function haltOrResumeSymbol() {
  const row = selectedRow();
  if (row) openDialog(row.risk?.own_state === "HALT" ? "resume" : "halt", row.key);
}

const KEYS = {
  "/": () => byId("search").focus(),
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  H: () => openDialog("halt"),
  "?": () => byId("help-dialog").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
  const inField = event.target.matches("input, select, textarea");
  if (inField) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && focusedKey()) return open(focusedKey());
  const action = KEYS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
}

setUpTable({ open, switchMaker });
setUpDialog();
byId("halt-button").addEventListener("click", () => openDialog("halt"));
byId("resume-button").addEventListener("click", () => openDialog("resume"));
byId("help-button").addEventListener("click", () => byId("help-dialog").showModal());
byId("detail-switch").addEventListener("click", () => selectedRow() && switchMaker(selectedRow()));
byId("detail-halt").addEventListener("click", haltOrResumeSymbol);
document.addEventListener("keydown", onKey);
window.addEventListener("hashchange", () => {
  const key = decodeURIComponent(location.hash.slice(1));
  if (live.symbols.has(key)) select(key);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", flushSoon);

for (const render of [renderStrip, selectFirst, renderTable, renderDetail, renderAlerts, renderLog]) onFlush(render);
document.body.classList.add("without-detail");
listen();
