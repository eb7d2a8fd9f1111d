// The engine's clock as given by the streams, extrapolated between messages: with the browser's clock, and for a
// recording at the recording's speed.
import { useSyncExternalStore } from "react";

const JUMP_MS = 1_000;
const EASING = 0.02;

let offsetMs: number | null = null;
let speed = 1;
let heardAtMs = 0;

/** `engineTimeMs` is from the message just received; at `atSpeed` 0 time stands still between messages. */
export function hearTime(engineTimeMs: number, atSpeed: number, nowMs = performance.now()): void {
  const heard = engineTimeMs - nowMs;
  heardAtMs = nowMs;
  // The message with the least delay is the most accurate; at another speed only the newest is.
  if (offsetMs === null || atSpeed !== 1 || speed !== 1 || heard > offsetMs || offsetMs - heard > JUMP_MS) offsetMs = heard;
  else offsetMs += (heard - offsetMs) * EASING;
  speed = atSpeed;
}

/** Engine time per time of the browser; 0: time jumps, or stands still. */
export const speedOf = (configured: string, hasEnded: boolean) => (hasEnded || configured === "max" ? 0 : Number(configured));

export const isClockKnown = () => offsetMs !== null;
export const engineNow = (nowMs = performance.now()) => nowMs + (offsetMs ?? 0) + (nowMs - heardAtMs) * (offsetMs === null ? 0 : speed - 1);

/** How long ago, by the browser's clock, something was new: 0 where time does not pass by itself. */
export const agedMs = (ageMs: number) => (speed ? ageMs / speed : 0);

/** Offset of the engine's clock from the browser's. */
export const skewMs = () => engineNow() - Date.now();

/** One shared timer, so that all ages update in the same frame. */
class Ticker {
  private count = 0;
  private timer = 0;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly everyMs: number) {}

  readonly read = () => this.count;

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    this.timer ||= window.setInterval(() => this.tick(), this.everyMs);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size) return;
      clearInterval(this.timer);
      this.timer = 0;
    };
  };

  private tick(): void {
    this.count += 1;
    for (const listener of [...this.listeners]) listener();
  }
}

const tickers = new Map<number, Ticker>();

/** Rerenders periodically, for ages and countdowns. */
export function useTick(everyMs: number): number {
  const ticker = tickers.get(everyMs) ?? new Ticker(everyMs);
  tickers.set(everyMs, ticker);
  return useSyncExternalStore(ticker.subscribe, ticker.read);
}
