// The scope of a command: `*` is the account, `venue:*` each symbol of a venue, else one symbol.
import { plainKey, venueOf } from "../format/states";

/** The text to type as confirmation. */
export function scopeWord(scope: string): string {
  if (scope === "*") return "ALL";
  return scope.endsWith(":*") ? venueOf(scope) : plainKey(scope);
}

/** The engine has account and symbol scopes only: a venue stands for each of its symbols. */
export function keysOfScope(scope: string, keys: readonly string[]): string[] {
  return scope.endsWith(":*") ? keys.filter((key) => venueOf(key) === venueOf(scope)) : [scope];
}
