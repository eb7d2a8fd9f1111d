// Utilisation of the limits of the account and all symbols.
import type { AccountViewModel, Limit, SymbolStatus } from "../api/types";
import { limitShare } from "../format/states";

export interface OwnedLimit {
  limit: Limit;
  share: number;
  /** A symbol's name, or "account". */
  owner: string;
  key: string;
}

function* allLimits(account: AccountViewModel | null, symbols: readonly SymbolStatus[]): Iterable<OwnedLimit> {
  for (const limit of account?.limits ?? []) yield { limit, share: limitShare(limit), owner: "account", key: "*" };
  for (const { key, symbol, risk } of symbols) {
    for (const limit of risk?.limits ?? []) yield { limit, share: limitShare(limit), owner: symbol, key };
  }
}

/** Highest utilisation first; on ties the account before symbols. */
export function limitsByShare(account: AccountViewModel | null, symbols: readonly SymbolStatus[]): OwnedLimit[] {
  return [...allLimits(account, symbols)].sort((one, other) => other.share - one.share);
}

export function worstLimit(account: AccountViewModel | null, symbols: readonly SymbolStatus[]): OwnedLimit | null {
  let worst: OwnedLimit | null = null;
  for (const each of allLimits(account, symbols)) {
    if (!worst || each.share > worst.share) worst = each;
  }
  return worst;
}
