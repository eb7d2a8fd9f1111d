// Symbols without quotes, by reason: the same counts wherever they are shown.
import { PHRASES } from "../../format/reasons";
import { useAllSymbols } from "../../live/hooks";
import { Icon } from "../../ui/Icon";
import { useAccountNumbers } from "../../ui/Reason";
import { withoutQuotes } from "./standing";

/** Nothing where every symbol that is to be quoted is. */
export function HeldBackList() {
  const rows = useAllSymbols();
  const numbers = useAccountNumbers();
  const { none, one, reasons } = withoutQuotes(rows);
  if (!none && !one) return null;
  return (
    <div className="held-back" data-held-back>
      <p>
        <Icon shape="triangle" tone="warn" /> <b>Symbols without quotes</b> {none} of {rows.length} on neither side, {one} on one side
      </p>
      <ul>
        {reasons.map(({ code, bids, asks }) => (
          <li key={code}>
            {bids} {bids === 1 ? "bid" : "bids"}, {asks} {asks === 1 ? "ask" : "asks"}: {PHRASES[code]}
            {numbers[code] ? ` (${numbers[code]})` : ""}
          </li>
        ))}
      </ul>
    </div>
  );
}
