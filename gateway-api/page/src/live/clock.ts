// The engine's clock as given by the streams, extrapolated with the browser's clock between messages.
import { useSyncExternalStore } from "react";

const JUMP_MS = 1_000;
const EASING = 0.02;

let offsetMs: number | null = null;

/** `engineTimeMs` is from the message just received. */
export function hearTime(engineTimeMs: number): void {
  const heard = engineTimeMs - performance.now();
  // The message with the least delay is the most accurate; a recording may run at another speed.
  if (offsetMs === null || heard > offsetMs || offsetMs - heard > JUMP_MS) offsetMs = heard;
  else offsetMs += (heard - offsetMs) * EASING;
}

export const isClockKnown = () => offsetMs !== null;
export const engineNow = () => performance.now() + (offsetMs ?? 0);

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
