import { describe, expect, it } from "vitest";
import { settingWords, stepLabel } from "./labels";
import { alertTitle, codesIn, plainReason } from "./reasons";

describe("reasons", () => {
  it("says codes in plain English, with the figures they are about", () => {
    expect(plainReason("held back: POS_LIMIT, MESSAGE_LIMIT")).toBe("held back: position with open orders is at its limit, the message budget is used up");
    expect(plainReason("EXPOSURE: risk_limits.max_exposure allows a position of 3.2", { EXPOSURE: "20.4 % of 20 %" })).toBe(
      "exposure with open orders is at its limit (20.4 % of 20 %): max exposure allows a position of 3.2",
    );
    expect(codesIn("held back: EXPOSURE, of BTC")).toEqual(["EXPOSURE"]);
  });

  it("leaves a person's own words and symbols as they are", () => {
    expect(plainReason("halted: COMMAND: FAULT in BTC by ann")).toBe("halted: FAULT in BTC by ann");
    expect(plainReason("no BTC/USDT")).toBe("no BTC/USDT");
  });

  it("titles alerts, known or not", () => {
    expect(["NEAR_LOSS", "BOOK_NOT_LIVE", "SOMETHING_NEW"].map(alertTitle)).toEqual(["Near the loss limit", "No live order book", "Something new"]);
  });

  it("puts units behind the name", () => {
    expect(["lag_ms_max", "min_spread_bps", "base_spread"].map(settingWords)).toEqual(["max lag, ms", "min spread, bps", "base spread"]);
    expect(stepLabel("adverse_move")).toBe("adverse move after fills");
  });
});
