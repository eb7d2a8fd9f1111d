// Number formatting. Decimals arrive as exact strings and stay strings: no float rounds them.

export const MINUS = "\u2212";
export const NOTHING = "\u2013";

type Text = string | null | undefined;

export function grouped(text: Text): string {
  if (text === null || text === undefined) return NOTHING;
  const [whole = "", part] = text.replace("-", "").split(".");
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return (text.startsWith("-") ? MINUS : "") + digits + (part === undefined ? "" : "." + part);
}

/** With an explicit sign, also if positive; zero has none. */
export function withSign(text: Text): string {
  if (text === null || text === undefined) return NOTHING;
  return signOf(text) > 0 ? "+" + grouped(text) : grouped(text);
}

/** Truncated towards zero, for narrow places; put the exact value in a title. */
export function shortened(text: Text, decimals: number): Text {
  if (text === null || text === undefined) return text;
  const [whole = "", part = ""] = text.split(".");
  const cut = decimals > 0 && part ? whole + "." + part.slice(0, decimals) : whole;
  return signOf(cut) === 0 ? cut.replace("-", "") : cut;
}

/** Without trailing zeros. */
export function trimmed(text: Text): string {
  return grouped(text?.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

export function signOf(text: Text): -1 | 0 | 1 {
  if (!text || !/[1-9]/.test(text)) return 0;
  return text.startsWith("-") ? -1 : 1;
}

export function negated(text: string): string {
  if (signOf(text) === 0) return text;
  return text.startsWith("-") ? text.slice(1) : "-" + text;
}

export function fixed(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  const text = Math.abs(value).toFixed(decimals);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + grouped(text);
}

export function signed(value: number | null | undefined, decimals: number): string {
  const text = fixed(value, decimals);
  const isPositive = typeof value === "number" && Number(value.toFixed(decimals)) > 0;
  return isPositive ? "+" + text : text;
}

export function percent(share: number | null | undefined, decimals = 0): string {
  return share === null || share === undefined ? NOTHING : fixed(share * 100, decimals) + " %";
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** A size on disk, in the largest unit with a value of at least one. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  const step = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), BYTE_UNITS.length - 1);
  return `${fixed(value / 1000 ** step, step ? 1 : 0)} ${BYTE_UNITS[step]}`;
}

const NEGLIGIBLE = 1e-6;

/** A figure that is not a price, to its significant digits. */
export function figure(value: number, digits = 6): string {
  if (Math.abs(value) < NEGLIGIBLE) return "0";
  return grouped(String(Number(value.toPrecision(digits))));
}

export function decimalsOf(step: string): number {
  return (step.split(".")[1] ?? "").length;
}

/** A number for drawing, never for display. */
export function drawable(text: string | number | null | undefined): number | null {
  if (text === null || text === undefined || text === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** The exact sum of decimal strings. */
export function sumOf(texts: readonly string[]): string {
  const decimals = Math.max(0, ...texts.map(decimalsOf));
  const total = texts.reduce((sum, text) => sum + scaled(text, decimals), 0n);
  return unscaled(total, decimals);
}

function scaled(text: string, decimals: number): bigint {
  const [whole = "0", part = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole + part.padEnd(decimals, "0"));
  return text.startsWith("-") ? -value : value;
}

function unscaled(value: bigint, decimals: number): string {
  const digits = String(value < 0n ? -value : value).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const text = decimals ? whole + "." + digits.slice(-decimals) : whole;
  return value < 0n ? "-" + text : text;
}
