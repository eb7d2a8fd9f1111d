import { describe, expect, it } from "vitest";
import { ageText, clockMicrosText, clockText, durationText, freshness } from "./times";

describe("times", () => {
  it("shows UTC with the microseconds of the log", () => {
    expect(clockText(1_700_000_000_000, "utc")).toBe("22:13:20");
    expect(clockMicrosText("1700000000123456789", "utc")).toBe("22:13:20.123456");
  });

  it("says how old something is", () => {
    expect(ageText(-5)).toBe("0.0 s");
    expect(ageText(1500)).toBe("1.5 s");
    expect(ageText(61_000)).toBe("61 s");
    expect(ageText(7_300_000)).toBe("2 h");
    expect(durationText(3_723_000)).toBe("1:02:03");
  });

  it("calls it stale when the engine does, and dead at three times that age", () => {
    expect([5000, 5001, 15_001].map((age) => freshness(age, 5_000))).toEqual(["fresh", "stale", "dead"]);
  });
});
