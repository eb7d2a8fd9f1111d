// Commands: sent by REST, so that they work while the stream is down, and tracked until in force.
import { ask, freshId, problemFrom } from "../api/client";
import type { CommandAction, CommandResponse, ControlResponse, Problem } from "../api/types";
import { Watched } from "../app/external";
import { signOf } from "../format/numbers";
import { plainKey, venueOf } from "../format/states";
import { startStep } from "../pages/overview/standing";
import { engineNow } from "./clock";
import { live } from "./store";

export interface Tracked {
  id: string;
  /** Id from the gateway; null: no response yet. */
  command_id: string | null;
  action: CommandAction;
  /** `venue:symbol`, or `*`. */
  key: string;
  sent_ms: number;
  acknowledged_ms: number | null;
  verified_ms: number | null;
  problem: Problem | null;
}

const PATHS: Record<CommandAction, string> = {
  start: "/maker/start",
  flatten: "/maker/flatten",
  halt_flatten: "/maker/flatten",
  approve_flatten: "/maker/flatten/approve",
  stop: "/maker/stop",
  remove: "/maker/remove",
  halt: "/maker/risk/halt",
  resume: "/maker/risk/resume",
  resume_request: "/maker/risk/resume-request",
};
const KEPT = 20;
/** An engine that takes longer to answer a command is taken for one that did not receive it. */
const ANSWER_MS = 10_000;

export const tracked = new Watched<readonly Tracked[]>([]);

function change(id: string, fields: Partial<Tracked>): void {
  tracked.set(tracked.get().map((each) => (each.id === id ? { ...each, ...fields } : each)));
}

export const dismiss = (id: string) => tracked.set(tracked.get().filter((each) => each.id !== id));

function haltSequenceOf(key: string): number | null {
  if (key === "*") return live.account?.halt_sequence ?? null;
  return live.symbols.get(key)?.risk?.halt_sequence ?? null;
}

const FLATTENS: readonly CommandAction[] = ["flatten", "halt_flatten", "approve_flatten"];
const NAMES_A_HALT: readonly CommandAction[] = ["resume", "resume_request", "approve_flatten"];

function bodyOf(action: CommandAction, key: string, reason: string): Record<string, unknown> {
  const all = { symbol: FLATTENS.includes(action) ? null : "*" };
  const scope = key === "*" ? all : { symbol: plainKey(key), venue: venueOf(key) };
  if (action === "halt_flatten") return { ...scope, reason, halt: true };
  return NAMES_A_HALT.includes(action) ? { ...scope, reason, halt_sequence: haltSequenceOf(key) } : { ...scope, reason };
}

/** Resolves to null, or to the error. */
export async function send(action: CommandAction, key: string, reason: string, more: Record<string, unknown> = {}): Promise<Problem | null> {
  const id = freshId();
  const entry = { id, command_id: null, action, key, sent_ms: engineNow(), acknowledged_ms: null, verified_ms: null, problem: null };
  tracked.set([entry, ...tracked.get()].slice(0, KEPT));
  try {
    const answer = await ask<CommandResponse>(PATHS[action], { method: "POST", body: { ...bodyOf(action, key, reason), ...more }, idempotencyKey: id, signal: AbortSignal.timeout(ANSWER_MS) });
    change(id, { command_id: answer.command_id, key: `${answer.venue}:${answer.symbol}`.replace("*:*", "*"), acknowledged_ms: engineNow() });
    verify();
    return null;
  } catch (error) {
    const problem = problemFrom(error);
    change(id, { problem });
    return problem;
  }
}

const rowsOf = (key: string) => (key === "*" ? [...live.symbols.values()] : [live.symbols.get(key)].filter((row) => row !== undefined));

export function sidesQuoted(key: string): number {
  return rowsOf(key).reduce((sum, row) => sum + Number(row.bid.quote !== null) + Number(row.ask.quote !== null), 0);
}

/** Number of symbols in the scope that hold a position. */
export const positionsHeld = (key: string) => rowsOf(key).filter((row) => signOf(row.inventory?.position) !== 0).length;

/** Nothing is held, and no order is left that could be filled. */
function isFlat(key: string): boolean {
  return positionsHeld(key) === 0 && sidesQuoted(key) === 0;
}

function isHalted(key: string): boolean {
  if (key === "*") return live.account?.state === "HALT";
  return rowsOf(key).every((row) => row.risk?.own_state === "HALT");
}

function isAsked(key: string): boolean {
  const askedBy = key === "*" ? live.account?.resume_asked_by : live.symbols.get(key)?.risk?.resume_asked_by;
  return Boolean(askedBy) || !isHalted(key);
}

const IN_FORCE: Record<CommandAction, (key: string) => boolean> = {
  start: (key) => rowsOf(key).length > 0 && rowsOf(key).every((row) => !row.stopped && (key === "*" || startStep(row) === null)),
  flatten: isFlat,
  halt_flatten: (key) => isHalted(key) && isFlat(key),
  approve_flatten: isFlat,
  stop: (key) => rowsOf(key).every((row) => row.stopped) && sidesQuoted(key) === 0,
  remove: (key) => rowsOf(key).every((row) => row.removed),
  halt: (key) => isHalted(key) && sidesQuoted(key) === 0,
  resume: (key) => !isHalted(key),
  resume_request: isAsked,
};

function verify(): void {
  for (const entry of tracked.get()) {
    if (entry.acknowledged_ms === null || entry.verified_ms !== null || entry.problem) continue;
    const refusal = refusalOf(entry);
    if (refusal) {
      change(entry.id, { problem: refusal });
      continue;
    }
    const isTaken = live.commands.some((command) => command.command_id === entry.command_id);
    if (isTaken && IN_FORCE[entry.action](entry.key)) change(entry.id, { verified_ms: engineNow() });
  }
}

/** An engine that cannot do what was asked says so later, in an alert that names the command. */
function refusalOf({ command_id: id, key }: Tracked): Problem | null {
  const alert = live.alerts.find((each) => each.name.endsWith("_REFUSED") && id !== null && each.message.includes(id));
  if (!alert) return null;
  return { type: "about:blank", title: "Refused", status: 409, code: "refused", detail: alert.message, hint: "", instance: key };
}

const NOT_DONE: Partial<Record<CommandAction, string>> = { halt: "NOT HALTED", halt_flatten: "NOT HALTED", flatten: "NOT FLATTENED", stop: "NOT STOPPED" };

/** What to do about a command that the engine did not receive, or not take. */
export function unreceived({ action, problem }: Pick<Tracked, "action" | "problem">): string {
  if (!problem) return "";
  const text = `${problem.detail} ${problem.hint}`.trim();
  const what = NOT_DONE[action];
  if (!what) return text;
  if (problem.status !== 0) return `${what}: ${text}`;
  return `${what}: the engine did not receive it, and may still be trading. On its machine run: maker halt --all; without the engine: maker cancel-all --config FILE.`;
}

live.subscribe("alerts", verify);
live.subscribe("symbols", verify);
live.subscribe("account", verify);
live.subscribe("commands", verify);

export const acknowledge = (alertId: string, note: string) =>
  ask<ControlResponse>(`/maker/risk/alerts/${encodeURIComponent(alertId)}/ack`, { method: "POST", body: { note } });
