// The symbol page opens on the symbol viewed last, or on the most urgent one.
import { route } from "../app/location";
import { live } from "../live/store";

let last: string | null = route.get().key;

route.subscribe(() => {
  last = route.get().key ?? last;
});

export function lastSymbol(): string | null {
  if (last !== null) return last;
  const worst = [...live.symbols.values()].sort((one, other) => one.rank - other.rank || (one.key < other.key ? -1 : 1))[0];
  return worst?.key ?? null;
}
