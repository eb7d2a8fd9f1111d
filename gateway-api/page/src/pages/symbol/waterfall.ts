// The steps from fair value to the quoted price, as bars in bps: each starts where the previous one ended.
import type { ExplainedSide, QuoteSides, Step } from "../../api/types";

export interface Bar {
  from_bps: number;
  to_bps: number;
  step: Step;
}

export interface WaterfallRow {
  name: string;
  bid: Bar | null;
  ask: Bar | null;
}

export interface Waterfall {
  rows: WaterfallRow[];
  /** The largest extent of any bar. */
  reach_bps: number;
}

function bars(side: ExplainedSide): Map<string, Bar> {
  let at = 0;
  return new Map(
    side.steps.map((step) => {
      const bar = { from_bps: at, to_bps: at + step.effect_bps, step };
      at = bar.to_bps;
      return [step.name, bar];
    }),
  );
}

export function waterfall(sides: QuoteSides): Waterfall {
  const [bid, ask] = [bars(sides.bid), bars(sides.ask)];
  const names = [...new Set([...bid.keys(), ...ask.keys()])];
  const rows = names.map((name) => ({ name, bid: bid.get(name) ?? null, ask: ask.get(name) ?? null }));
  const ends = [...bid.values(), ...ask.values()].flatMap((bar) => [Math.abs(bar.from_bps), Math.abs(bar.to_bps)]);
  return { rows, reach_bps: Math.max(1, ...ends) };
}

export const totalBps = (side: ExplainedSide) => side.steps.reduce((sum, step) => sum + step.effect_bps, 0);
