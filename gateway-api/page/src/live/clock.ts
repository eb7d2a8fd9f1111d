// The engine's clock, as far as the streams tell it; between messages the browser's carries it on.
import { useEffect, useState } from "react";

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

/** Draws again every so often: for ages and countdowns. */
export function useTick(everyMs: number): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setCount((known) => known + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return count;
}
