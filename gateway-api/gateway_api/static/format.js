// Numbers and words as traders read them. Decimals come as exact strings and stay strings.

const MINUS = "\u2212";
export const NOTHING = "\u2013";

export function grouped(text) {
  if (text === null || text === undefined) return NOTHING;
  const [whole, part] = text.replace("-", "").split(".");
  const sign = text.startsWith("-") ? MINUS : "";
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return sign + digits + (part === undefined ? "" : "." + part);
}

export function fixed(value, decimals) {
  if (value === null || value === undefined) return NOTHING;
  const text = Math.abs(value).toFixed(decimals);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + grouped(text);
}

export function signed(value, decimals) {
  if (value === null || value === undefined) return NOTHING;
  const text = fixed(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? "+" + text : text;
}

// Without zeros at the end, which say nothing in a size.
export function trimmed(text) {
  return text && text.includes(".") ? grouped(text.replace(/\.?0+$/, "")) : grouped(text);
}

export function percent(share, decimals = 0) {
  return share === null || share === undefined ? NOTHING : fixed(share * 100, decimals) + " %";
}

export function ageText(ms) {
  if (ms < 0) return "0.0 s";
  if (ms < 10_000) return (ms / 1000).toFixed(1) + " s";
  if (ms < 120_000) return Math.floor(ms / 1000) + " s";
  if (ms < 7_200_000) return Math.floor(ms / 60_000) + " min";
  return Math.floor(ms / 3_600_000) + " h";
}

export const clockText = (ms) => new Date(ms).toISOString().slice(11, 19);
export const clockMsText = (ms) => new Date(ms).toISOString().slice(11, 23);
export const dayText = (ms) => new Date(ms).toISOString().slice(0, 10);

// Shape, colour class and word of each state of a symbol.
const STATES = {
  QUOTING: ["circle", "good", "QUOTING"],
  ONE_SIDE: ["half", "warn", "ONE SIDE"],
  NOT_QUOTING: ["ring", "warn", "NO QUOTE"],
  NO_MARKET: ["dash", "warn", "NO MARKET"],
  WAITING: ["ring", "calm", "WAITING"],
  STOPPED: ["square", "calm", "STOPPED"],
  REDUCE_ONLY: ["triangle", "bad", "REDUCE ONLY"],
  HALTED: ["octagon", "bad", "HALTED"],
  RUN: ["circle", "good", "RUNNING"],
  HALT: ["octagon", "bad", "HALTED"],
};
export const stateLook = (state) => STATES[state] ?? ["ring", "calm", state];

export const signClass = (value) => (value > 0 ? "good" : value < 0 ? "bad" : "calm");
export const plainKey = (key) => (key.startsWith("*") ? "all" : key.slice(key.indexOf(":") + 1));
