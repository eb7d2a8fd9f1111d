import { describe, expect, it } from "vitest";
import { bytes, figure, fixed, grouped, negated, percent, shortened, signed, signOf, sumOf, trimmed, withSign } from "./numbers";

describe("exact decimals", () => {
  it("groups digits and keeps every one of them", () => {
    expect(grouped("1234567.00010")).toBe("1,234,567.00010");
    expect(grouped("-0.5")).toBe("\u22120.5");
    expect(grouped("90071992547409931234.1")).toBe("90,071,992,547,409,931,234.1");
    expect(grouped(null)).toBe("\u2013");
  });

  it("signs what is not zero", () => {
    expect(withSign("12.5")).toBe("+12.5");
    expect(withSign("0.0000")).toBe("0.0000");
    expect(signOf("-0.00")).toBe(0);
    expect(negated("-3.1")).toBe("3.1");
    expect(negated("0")).toBe("0");
  });

  it("cuts towards zero and loses the sign of what becomes zero", () => {
    expect(shortened("12.3456", 2)).toBe("12.34");
    expect(shortened("-0.0042", 2)).toBe("0.00");
    expect(shortened("7", 2)).toBe("7");
  });

  it("leaves out zeros at the end of a size", () => {
    expect(trimmed("25.000")).toBe("25");
    expect(trimmed("0.04270")).toBe("0.0427");
    expect(trimmed("1000")).toBe("1,000");
  });

  it("adds without a float", () => {
    expect(sumOf(["0.1", "0.2"])).toBe("0.3");
    expect(sumOf(["-1.005", "0.0005"])).toBe("-1.0045");
    expect(sumOf([])).toBe("0");
  });
});

describe("figures", () => {
  it("shows a minus of print, and no negative zero", () => {
    expect(fixed(-1234.5, 1)).toBe("\u22121,234.5");
    expect(fixed(-0.001, 2)).toBe("0.00");
    expect(signed(0.004, 2)).toBe("0.00");
    expect(signed(2, 1)).toBe("+2.0");
    expect(percent(0.125, 1)).toBe("12.5 %");
    expect(figure(-1e-9)).toBe("0");
  });

  it("shows sizes on disk in the largest unit of which there is one", () => {
    expect(bytes(0)).toBe("0 B");
    expect(bytes(999)).toBe("999 B");
    expect(bytes(64_000_000)).toBe("64.0 MB");
    expect(bytes(1_234_000_000_000)).toBe("1.2 TB");
    expect(bytes(null)).toBe("\u2013");
  });
});
