import { describe, expect, it } from "vitest";
import type { ExplainedSide, Profit, Setting, SymbolStatus } from "../api/types";
import { keysOfScope, scopeWord } from "../frame/scope";
import { withdrawalText } from "../frame/withdrawal";
import { limitLook, limitShare } from "../format/states";
import { rangeOf } from "../ui/plot";
import { appended } from "../ui/series";
import { rowsInSight } from "../ui/VirtualRows";
import { isFar, isLooser, typed } from "./audit/change";
import { heldOrder, median, sortedKeys } from "./overview/summary";
import { attributionOf } from "./pnl/attribution";
import { accountCurve } from "./pnl/curve";
import { differences } from "./replay/diff";
import { ladderRows } from "./symbol/ladder";
import { totalBps, waterfall } from "./symbol/waterfall";

const side = (...effects: number[]): ExplainedSide => ({
  price: "1",
  size: "1",
  not_quoting_because: null,
  steps: effects.map((effect_bps, index) => ({ name: `s${index}`, input: 0, effect_bps, config_key: null, price_after: 1 })),
});

describe("the waterfall", () => {
  it("begins each bar where the one before ended, and its ends add up", () => {
    const { rows, reach_bps } = waterfall({ bid: side(0, -10, 3), ask: side(0, 12) });
    expect(rows.map((row) => [row.bid?.from_bps, row.bid?.to_bps])).toEqual([[0, 0], [0, -10], [-10, -7]]);
    expect(rows[2]?.ask).toBeNull();
    expect([reach_bps, totalBps(side(0, -10, 3))]).toEqual([12, -7]);
  });
});

describe("the overview", () => {
  const row = (key: string, rank: number) => ({ key, rank, inventory: null, pnl: null }) as SymbolStatus;

  it("sorts the worst first, then by name, and searches", () => {
    const rows = [row("v:B", 7), row("v:A", 7), row("v:C", 0)];
    expect(sortedKeys(rows, "worst", "")).toEqual(["v:C", "v:A", "v:B"]);
    expect(sortedKeys(rows, "name", "b")).toEqual(["v:B"]);
    expect([median([]), median([3, 1]), median([5, 1, 2])]).toEqual([null, 2, 2]);
  });

  it("draws the rows in sight only", () => {
    expect(rowsInSight(2800, 280, 28, 1000)).toEqual({ first: 96, last: 114 });
    expect(rowsInSight(0, 600, 28, 3)).toEqual({ first: 0, last: 3 });
  });
});

describe("limits", () => {
  it("have a share, also where both are negative", () => {
    const limit = (value: number, most: number) => limitShare({ name: "x", unit: "", value, limit: most });
    expect([limit(50, 100), limit(-350, -500), limit(20, -500)]).toEqual([0.5, 0.7, 0]);
    expect([0.69, 0.7, 1].map((share) => limitLook(share, 0.7).word)).toEqual(["OK", "WARN", "BREACH"]);
  });
});

describe("profit", () => {
  it("adds up, and shows what does not", () => {
    const profit = { capture: "10.0001", inventory: "-4.0000", fees: "1.5000", realised: "0", unrealised: "0", balance: "-0.2", total: "4.5002" } as Profit;
    expect(attributionOf([profit])).toMatchObject({ fees: "-1.5000", balance: "-0.2", residual: "0.0001" });
    expect(accountCurve([[1, 2, 3], [5, 8, 6]])).toEqual({ data: [[1, 2, 3], [0, 0, -2], [5, 8, 6]], drawdown: -2 });
  });

  it("keeps a curve bounded and in order", () => {
    const curve = appended([[1, 2], [10, 20]], [3, 30], 2);
    expect(curve).toEqual([[2, 3], [20, 30]]);
    expect(appended(curve, [3, 99])).toBe(curve);
    expect(rangeOf(null, null, [])).toEqual([0, 1]);
  });
});

describe("an order that is held", () => {
  it("keeps its rows where they are, drops those that are gone and adds new ones last", () => {
    expect(heldOrder(["c", "a", "b"], ["d", "b", "c"])).toEqual(["c", "b", "d"]);
  });
});

describe("commands and settings", () => {
  it("names what has to be typed, and takes a venue apart", () => {
    expect(["*", "v:*", "v:A/B"].map(scopeWord)).toEqual(["ALL", "v", "A/B"]);
    expect(keysOfScope("v:*", ["v:A", "w:B", "v:C"])).toEqual(["v:A", "v:C"]);
  });

  it("says how far a withdrawal is", () => {
    const report = { key: "v:*", reasons: [], since_ms: 0, open_orders: ["a"], orders: 3 };
    expect(withdrawalText([{ ...report, state: "incomplete" }], 0)).toContain("NOT all orders");
    const ofSymbol = { ...report, key: "v:A/B" };
    expect(withdrawalText([{ ...report, state: "cancelling" }, { ...ofSymbol, state: "cancelling" }], 3)).toBe("Cancelled 2 of 3, 1 still at the venue.");
    expect(withdrawalText([], 3)).toBe("Orders still at the venue: 3.");
    expect(withdrawalText([{ ...report, state: "confirmed", open_orders: [] }], 0)).toBe("Cancelled 3 of 3, confirmed by the venue.");
  });

  it("knows a looser limit", () => {
    const limit = { value: "100", tighter: "lower" } as Setting;
    expect([isLooser(limit, "101"), isLooser(limit, "99"), isLooser({ ...limit, tighter: null }, "101")]).toEqual([true, false, false]);
    expect(isLooser({ ...limit, value: "-500", tighter: "higher" }, typed({ value: "-500" } as Setting, "\u2212600").value)).toBe(true);
  });

  it("takes a number or says why not, and never drops a decimal comma", () => {
    const setting = { value: "2.0" } as Setting;
    const values = (texts: string[]) => texts.map((text) => typed(setting, text).value);
    expect(values(["2.5", " +1,234.5 ", "1e-3", "2,5", "1,23", "1.2.3", "5 %", "0x10", "Infinity"])).toEqual(["2.5", "1234.5", "1e-3", "", "", "", "", "", ""]);
    expect(typed(setting, "2,5").problem).toContain('"2,5" is not a number');
    expect(typed({ value: "glft" } as Setting, "as,b")).toEqual({ value: "as,b", problem: null });
  });

  it("asks again about a value that is far from the one in force", () => {
    const far = (value: string, then: string) => isFar({ value } as Setting, then);
    expect([far("2.0", "4"), far("2.0", "4.1"), far("2.0", "0.9"), far("-500", "-900"), far("-500", "500"), far("0", "1"), far("1", "0"), far("2.0", "2")]).toEqual([
      false, true, true, false, true, true, true, false,
    ]);
  });
});

describe("depth and differences", () => {
  it("sums the depth and finds our order", () => {
    const rows = ladderRows("buy", [{ price: "2", size: "1", own_size: null }, { price: "1", size: "3", own_size: "1" }], [], 8);
    expect(rows.map((row) => row.depth_share)).toEqual([0.125, 0.5]);
  });

  it("names what changed by its path", () => {
    expect(differences({ a: { b: 1 }, c: [1] }, { a: { b: 2 }, c: [1, 2] })).toEqual([
      { path: "a.b", before: "1", after: "2" },
      { path: "c.1", before: "absent", after: "2" },
    ]);
  });
});
