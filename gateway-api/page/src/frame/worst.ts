// How near the limits of the account and of all symbols are.
import type { AccountGlance, Limit, SymbolStatus } from "../api/types";
import { limitShare } from "../format/states";

export interface OwnedLimit {
  limit: Limit;
  share: number;
  /** A symbol's name, or "account". */
  owner: string;
  key: string;
}

function* allLimits(account: AccountGlance | null, symbols: readonly SymbolStatus[]): Iterable<OwnedLimit> {
  for (const limit of account?.limits ?? []) yield { limit, share: limitShare(limit), owner: "account", key: "*" };
  for (const { key, symbol, risk } of symbols) {
    for (const limit of risk?.limits ?? []) yield { limit, share: limitShare(limit), owner: symbol, key };
  }
}

/** Nearest first; the account's before a symbol's that is as near. */
export function limitsByShare(account: AccountGlance | null, symbols: readonly SymbolStatus[]): OwnedLimit[] {
  return [...allLimits(account, symbols)].sort((one, other) => other.share - one.share);
}

export function worstLimit(account: AccountGlance | null, symbols: readonly SymbolStatus[]): OwnedLimit | null {
  let worst: OwnedLimit | null = null;
  for (const each of allLimits(account, symbols)) {
    if (!worst || each.share > worst.share) worst = each;
  }
  return worst;
}
