import { describe, expect, it } from "vitest";
import { parseRoute, replayHash, routeHash, symbolHash } from "./routes";

describe("routes", () => {
  it("goes to the address and back", () => {
    const hash = symbolHash("venue:BTC/USDT:USDT");
    expect(hash).toBe("#/symbol/venue%3ABTC%2FUSDT%3AUSDT");
    expect(parseRoute(hash)).toEqual({ page: "symbol", key: "venue:BTC/USDT:USDT", query: {} });
  });

  it("takes a key that is only partly encoded", () => {
    expect(parseRoute("#/symbol/venue:BTC%2FUSDT").key).toBe("venue:BTC/USDT");
  });

  it("falls back to the overview", () => {
    expect(parseRoute("").page).toBe("overview");
    expect(parseRoute("#/nonsense/%E0%A4%A").page).toBe("overview");
  });

  it("carries a query", () => {
    expect(parseRoute(routeHash("replay", null, { at: "5", symbol: "a:B/C" })).query).toEqual({ at: "5", symbol: "a:B/C" });
    expect(replayHash(12.4, "*:*")).toBe("#/replay?at=12");
  });
});
