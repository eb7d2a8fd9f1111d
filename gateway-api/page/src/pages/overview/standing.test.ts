import { describe, expect, it } from "vitest";
import type { MakerState, SymbolStatus } from "../../api/types";
import { startSteps, withoutQuotes } from "./standing";

interface Row {
  state?: MakerState;
  bid?: string | null;
  ask?: string | null;
  stopped?: boolean;
  volatility_ready?: boolean;
}

/** A side is quoted where its reason is null. */
const side = (reason: string | null) => ({ quote: reason === null ? {} : null, reason });

function row({ state = "NOT_QUOTING", bid = null, ask = null, stopped = false, volatility_ready = true }: Row): SymbolStatus {
  return { state, stopped, removed: false, bid: side(bid), ask: side(ask), features: { volatility_ready } } as unknown as SymbolStatus;
}

const HELD = "held back: EXPOSURE, MESSAGE_LIMIT";

describe("symbols without quotes", () => {
  it("counts sides by their first reason, most first", () => {
    const rows = [row({ bid: HELD, ask: HELD }), row({ bid: "MAX_INVENTORY: 3 of 3" }), row({ ask: HELD }), row({})];
    expect(withoutQuotes(rows)).toEqual({
      none: 1,
      one: 2,
      reasons: [
        { code: "EXPOSURE", bids: 1, asks: 2 },
        { code: "MAX_INVENTORY", bids: 1, asks: 0 },
      ],
    });
  });

  it("leaves out who is stopped or halted, and sides whose order is on its way", () => {
    const rows = [row({ bid: HELD, stopped: true }), row({ bid: HELD, ask: HELD, state: "HALTED" }), row({ bid: "order on its way" })];
    expect(withoutQuotes(rows)).toEqual({ none: 0, one: 0, reasons: [] });
  });
});

describe("a start", () => {
  it("names the step of each symbol that is not ready", () => {
    const rows = [row({ state: "WAITING" }), row({ state: "WAITING" }), row({ volatility_ready: false }), row({}), row({ state: "WAITING", stopped: true })];
    expect(Object.fromEntries(startSteps(rows))).toEqual({ "building the order book": 2, "measuring volatility": 1 });
  });
});
