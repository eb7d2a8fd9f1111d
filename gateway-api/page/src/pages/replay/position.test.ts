import { describe, expect, it } from "vitest";
import { parseRoute } from "../../app/routes";
import { msOf, newestAt, nsOf, positionHash, positionOf, stepped } from "./position";

const events = ["100", "200", "200", "300"].map((time_ns, index) => ({ event_id: `e${index}`, time_ns }));

describe("the position in the past", () => {
  it("keeps nanoseconds", () => {
    expect(nsOf(1795472122968.985)).toBe("1795472122968985000");
    expect(msOf("1795472122968985123")).toBeCloseTo(1795472122968.985, 3);
  });

  it("goes to the address and back", () => {
    const position = positionOf({ at: "1795472122968985123", symbol: "v:A/B", view: "state" }, 0, null);
    expect(positionOf(parseRoute(positionHash(position)).query, 0, null)).toEqual(position);
    expect(position.at_ns).toBe("1795472122968985123");
  });

  it("shows the newest minute where no time is given", () => {
    const position = positionOf({}, 1_000_000, "v:A/B");
    expect([position.from_ms, position.to_ms, position.key]).toEqual([940_000, 1_000_000, "v:A/B"]);
  });

  it("steps through events of the same time one by one", () => {
    expect(stepped(events, "200", "e1", 1)?.event_id).toBe("e2");
    expect(stepped(events, "200", "e2", -1)?.event_id).toBe("e1");
    expect(stepped(events, "150", null, 1)?.event_id).toBe("e1");
    expect(stepped(events, "150", null, -1)?.event_id).toBe("e0");
    expect(stepped(events, "300", "e3", 1)).toBeNull();
    expect(newestAt(events, "250")?.event_id).toBe("e2");
  });
});
