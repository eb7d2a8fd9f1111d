// Each state has a shape, a tone and a word: never colour alone.
import type { Limit, MakerState, Severity, TradingState } from "../api/types";

export type Shape = "circle" | "half" | "ring" | "dash" | "square" | "triangle" | "octagon" | "info";
export type Tone = "good" | "warn" | "bad" | "calm";

export interface Look {
  shape: Shape;
  tone: Tone;
  word: string;
}

const look = (shape: Shape, tone: Tone, word: string): Look => ({ shape, tone, word });

export const MAKER_LOOKS: Record<MakerState, Look> = {
  QUOTING: look("circle", "good", "QUOTING"),
  ONE_SIDE: look("half", "warn", "ONE SIDE"),
  NOT_QUOTING: look("ring", "warn", "NO QUOTE"),
  NOT_QUOTED: look("dash", "calm", "NOT QUOTED"),
  NO_MARKET: look("dash", "warn", "NO MARKET"),
  WAITING: look("ring", "calm", "WAITING"),
  STOPPED: look("square", "calm", "STOPPED"),
  REDUCE_ONLY: look("triangle", "bad", "REDUCE ONLY"),
  HALTED: look("octagon", "bad", "HALTED"),
};

const TRADING_LOOKS: Record<TradingState, Look> = {
  RUN: look("circle", "good", "RUNNING"),
  REDUCE_ONLY: look("triangle", "bad", "REDUCE-ONLY"),
  HALT: look("octagon", "bad", "HALTED"),
};

const STARTING = look("ring", "calm", "STARTING");
export const UNKNOWN = look("ring", "calm", "UNKNOWN");
export const CONNECTING = look("ring", "calm", "CONNECTING");
export const PAUSED = look("square", "calm", "PAUSED");

export const tradingLook = (state: TradingState | null): Look => (state ? TRADING_LOOKS[state] : STARTING);

export const SEVERITY_LOOKS: Record<Severity, Look> = {
  info: look("info", "calm", "INFO"),
  warning: look("triangle", "warn", "WARN"),
  critical: look("octagon", "bad", "CRITICAL"),
};

export function limitShare(limit: Limit): number {
  return limit.limit ? Math.max(0, limit.value / limit.limit) : 0;
}

/** `warnAt`: the engine's own threshold, risk_limits.warn_at. */
export function limitLook(share: number, warnAt: number): Look {
  if (share >= 1) return look("octagon", "bad", "BREACH");
  return share >= warnAt ? look("triangle", "warn", "WARN") : look("circle", "good", "OK");
}

export const plainKey = (key: string) => (key.startsWith("*") ? "all" : key.slice(key.indexOf(":") + 1));
export const venueOf = (key: string) => key.slice(0, key.indexOf(":"));
