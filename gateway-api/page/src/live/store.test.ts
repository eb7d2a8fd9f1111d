import { describe, expect, it, vi } from "vitest";
import type { StreamMessage, SymbolStatus } from "../api/types";
import { LiveStore } from "./store";

const status = (key: string, rank = 7) => ({ key, rank }) as SymbolStatus;
const message = (sequence: number, symbols: Record<string, SymbolStatus>, more: Partial<StreamMessage> = {}): StreamMessage => ({
  sequence,
  engine_time_ms: sequence,
  symbols,
  ...more,
});

function storeWithFrames() {
  const frames: (() => void)[] = [];
  const store = new LiveStore((flush) => frames.push(flush));
  return { store, frame: () => frames.shift()?.() };
}

describe("the live store", () => {
  it("tells only those who watch what changed, once a frame", () => {
    const { store, frame } = storeWithFrames();
    const [one, other] = [vi.fn(), vi.fn()];
    store.subscribe("symbol a", one);
    store.subscribe("symbol b", other);
    store.take(message(1, { a: status("a"), b: status("b") }), true);
    frame();
    store.take(message(2, { a: status("a", 3) }), false);
    store.take(message(3, { a: status("a", 2) }), false);
    frame();
    expect(one).toHaveBeenCalledTimes(2);
    expect(other).toHaveBeenCalledTimes(1);
    expect(store.symbols.get("a")?.rank).toBe(2);
  });

  it("spreads many symbols over frames", () => {
    const { store, frame } = storeWithFrames();
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const seen = vi.fn();
    for (const name of names) store.subscribe(`symbol ${name}`, seen);
    store.take(message(1, Object.fromEntries(names.map((name) => [name, status(name)]))), true);
    frame();
    expect(seen.mock.calls.length).toBeLessThan(20);
    for (let more = 0; more < 5; more += 1) frame();
    expect(seen).toHaveBeenCalledTimes(20);
  });

  it("forgets what a snapshot does not have", () => {
    const { store } = storeWithFrames();
    store.take(message(1, { a: status("a"), b: status("b") }), true);
    store.take(message(1, { b: status("b") }), true);
    expect(store.keys).toEqual(["b"]);
  });

  it("holds symbols still, but neither account nor alerts", () => {
    const { store } = storeWithFrames();
    store.take(message(1, { a: status("a", 7) }), true);
    store.setHeld(true);
    store.take(message(2, { a: status("a", 0) }, { alerts: [], view: "away" }), false);
    expect(store.symbols.get("a")?.rank).toBe(7);
    expect(store.view).toBe("away");
    store.setHeld(false);
    expect(store.symbols.get("a")?.rank).toBe(0);
  });
});
