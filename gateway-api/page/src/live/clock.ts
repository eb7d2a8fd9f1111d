// The engine's clock, as far as the streams tell it; between messages the browser's carries it on.
import { useSyncExternalStore } from "react";

const JUMP_MS = 1_000;
const EASING = 0.02;

let offsetMs: number | null = null;

/** `engineTimeMs` was said by the message that came just now. */
export function hearTime(engineTimeMs: number): void {
  const heard = engineTimeMs - performance.now();
  // The message that took the least time on its way knows best; a recording may run at another speed.
  if (offsetMs === null || heard > offsetMs || offsetMs - heard > JUMP_MS) offsetMs = heard;
  else offsetMs += (heard - offsetMs) * EASING;
}

export const isClockKnown = () => offsetMs !== null;
export const engineNow = () => performance.now() + (offsetMs ?? 0);

/** How far the engine's clock is ahead of the browser's. */
export const skewMs = () => engineNow() - Date.now();

/** One timer for all who wait for it: what grows by itself is drawn in the same frame. */
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

/** Draws again every so often: for ages and countdowns. */
export function useTick(everyMs: number): number {
  const ticker = tickers.get(everyMs) ?? new Ticker(everyMs);
  tickers.set(everyMs, ticker);
  return useSyncExternalStore(ticker.subscribe, ticker.read);
}
