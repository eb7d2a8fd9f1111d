// Differences between two documents, by path.
import { MINUS } from "../../format/numbers";

export interface Difference {
  path: string;
  before: string;
  after: string;
}

type Branch = Record<string, unknown>;

const isBranch = (value: unknown): value is Branch => typeof value === "object" && value !== null;

function shown(value: unknown): string {
  if (value === undefined) return "absent";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^-\d/.test(text) ? text.replace("-", MINUS) : text;
}

export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  if (Object.is(before, after)) return [];
  if (!isBranch(before) || !isBranch(after)) return [{ path: path || "all", before: shown(before), after: shown(after) }];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => differences(before[name], after[name], path ? `${path}.${name}` : name));
}
