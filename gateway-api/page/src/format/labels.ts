// Labels of steps, limits, settings and counters, in the words of the field.

export const STEP_LABELS: Readonly<Record<string, string>> = {
  fair_value: "fair value",
  reference: "reference market",
  alpha: "book imbalance",
  base_spread: "base half-spread",
  base_half_spread: "base half-spread",
  volatility: "volatility",
  jumps: "jump risk",
  inventory_lean: "inventory skew",
  emergency_widen: "emergency widening",
  pressure: "book pressure",
  emergency_shift: "emergency shift",
  skew_clamp: "skew limit",
  side_spread: "spread of this side",
  minimum_spread: "minimum spread",
  adverse_move: "adverse move after fills",
  taker_burst: "burst of takers",
  post_only: "post-only",
  tick_rounding: "tick rounding",
  price_collar: "nearer tick within the collar",
  balance: "balancing at the touch",
};

export const stepLabel = (name: string) => STEP_LABELS[name] ?? words(name);

const LIMIT_LABELS: Readonly<Record<string, string>> = {
  exposure: "exposure, held",
  exposure_with_orders: "exposure with open orders",
};

export const limitLabel = (name: string) => LIMIT_LABELS[name] ?? words(name);

const UNITS = /_(bps|ms|s|lots|pct)(_max|_min)?$/;

/** `min_spread_bps`: min spread, bps; `lag_ms_max`: max lag, ms. */
export function settingWords(name: string): string {
  const found = UNITS.exec(name);
  if (!found) return words(name);
  const [, unit, bound] = found;
  return `${bound ? bound.slice(1) + " " : ""}${words(name.slice(0, found.index))}, ${unit}`;
}

export const words = (name: string) => name.replaceAll("_", " ");
