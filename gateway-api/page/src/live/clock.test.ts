import { describe, expect, it } from "vitest";
import { agedMs, engineNow, hearTime, speedOf } from "./clock";

describe("the engine's clock", () => {
  it("runs at the recording's speed between messages, and stands still when the recording has ended", () => {
    hearTime(1_000_000, speedOf("20.0", false), 5_000);
    expect(engineNow(5_100)).toBe(1_002_000);
    expect(agedMs(4_000)).toBe(200);
    hearTime(1_040_000, speedOf("20.0", true), 7_000);
    expect(engineNow(60_000)).toBe(1_040_000);
    expect(agedMs(4_000)).toBe(0);
  });

  it("jumps with the messages of a recording as fast as possible", () => {
    hearTime(2_000_000, speedOf("max", false), 8_000);
    expect(engineNow(9_000)).toBe(2_000_000);
  });

  it("follows the browser's clock when live, by the message with the least delay", () => {
    hearTime(3_000_000, 1, 10_000);
    hearTime(3_000_900, 1, 11_000);
    expect(engineNow(11_000)).toBeGreaterThan(3_000_990);
    expect(agedMs(4_000)).toBe(4_000);
  });
});
