// Reasons in plain English: what the engine states as codes, as a trader would say it. A contract test holds that
// every code of quoting, of the router's gate and of risk has its words here.
import { settingWords } from "./labels";

export const PHRASES: Readonly<Record<string, string>> = {
  // Quoting
  NO_INSTRUMENT: "the contract is not known, or changed a moment ago",
  NO_BOOK: "no order book yet",
  NO_SIGNAL: "volatility and flow are not known yet",
  NO_RISK_STATE: "no heartbeat of the risk service",
  RISK_HALT: "halted by risk",
  RISK_REDUCE_ONLY: "risk allows only what reduces the position",
  STOPPED_BY_COMMAND: "stopped by command",
  SHUTDOWN: "the engine is stopping",
  MAX_INVENTORY: "inventory is at its maximum",
  POSITION_BAND: "the position band leaves no room",
  PRICE_BAND: "fair value is beyond the price band",
  MOVING_BAND: "fair value is outside the moving band",
  FILLED_ORDER_DELAY: "filled a moment ago: waits before it quotes again",
  BELOW_MIN_NOTIONAL: "the venue's smallest order is larger than a maximum allows",
  TAKER_BURST: "takers trade towards this side",
  BALANCING: "the inventory is being brought back by taking",
  BOOK_IMBALANCE: "the other side of the best prices is too heavy",
  QUEUE: "the queue at the best price is too short to join or stay in",
  PRICE_OUT_OF_RANGE: "the price is out of range",
  BOOK_BUILDING: "the order book is being built",
  BOOK_GAPPED: "the order book misses an update",
  BOOK_CROSSED: "the order book is crossed",
  BOOK_LOCKED: "the order book is locked",
  BOOK_ONE_SIDED: "the order book has one side only",
  BOOK_STALE: "the order book is stale",
  BOOK_LAGGING: "market data arrive too late",
  // The router's gate
  NO_REFERENCE: "no live order book to check against",
  STALE_MD: "market data are stale",
  PRICE_NOT_POSITIVE: "the price is not above 0",
  SIZE_NOT_POSITIVE: "the size is not above 0",
  PRICE_COLLAR: "too far from the mid",
  PRICE_COLLAR_PERIOD: "our price moved further than the market",
  MD_JUMP: "the market jumped and has not settled yet",
  PRICE_FILTER: "the venue does not take this price",
  LOT_SIZE: "the venue does not take this size",
  MAX_NOTIONAL: "larger than the venue's largest order",
  PERCENT_PRICE: "too far from the mid for the venue",
  MAX_NUM_ORDERS: "as many orders open as the venue allows",
  MAX_NUM_AMENDS: "amended as often as the venue allows",
  MAX_POSITION: "position is at its maximum",
  INSUFFICIENT_BALANCE: "the balance does not cover it",
  NOT_PERMITTED: "the symbol is not permitted",
  FLICKER: "this price was quoted too often within a second",
  MMP_FROZEN: "market maker protection: too much was filled in a short time",
  POSITION_BREAK: "the account's holdings differ from the ledger, or are being compared",
  MAX_VALUE: "the order's value is above the maximum",
  MAX_QTY: "the order's size is above the maximum",
  MIN_NOTIONAL: "the order's value is below the minimum",
  POS_LIMIT: "position with open orders is at its limit",
  EXPOSURE: "exposure with open orders is at its limit",
  SELF_CROSS: "it would trade with our own order",
  POST_ONLY: "it would take instead of rest",
  DUPLICATE: "the same order was sent a moment ago",
  MESSAGE_LIMIT: "the message budget is used up",
  STALE_COMMAND: "the quote was too old when its turn came",
  TARGET_EXPIRED: "the quote expired",
  NO_TARGET: "no quote yet",
  BAD_TARGET: "the quote was malformed",
  NOT_WANTED: "the newest quote has no such level",
  AMEND_DENIED: "its amend was refused",
  UNACCOUNTED_FILL: "a fill of an unknown order: the position is not known",
  FAULT: "a process failed on a message",
  VENUE_NOT_READY: "the venue is not connected, or not reconciled yet",
  VENUE_HELD: "the venue asked for a pause",
  ORPHAN: "an order that the router did not place",
  REMOVED: "removed by an operator",
  // Risk
  MAX_LOSS: "the symbol's loss limit is reached",
  ACCOUNT_MAX_LOSS: "the account's loss limit is reached",
  MAX_EXPOSURE: "the account's exposure limit is reached",
  MAX_DRAWDOWN: "the drawdown limit is reached",
  NO_EQUITY: "no equity is left",
  NO_MARK: "a position without a mark",
  INSTRUMENT_CHANGED: "the contract's units changed",
  REPEATED_EXECUTIONS: "the same order was executed again and again",
  SETTINGS_DIFFER: "processes run with different settings",
  COMMAND: "by command",
};

/** Names of alerts, as titles. */
const ALERT_TITLES: Readonly<Record<string, string>> = {
  RUN: "Trading again",
  REDUCE_ONLY: "Reduce-only",
  HALT: "Halt",
  BOOK_NOT_LIVE: "No live order book",
  FEED_OVERLOAD: "Feed faster than the engine",
  OLD_MARK: "Position at an old mark",
  COMMAND_REFUSED: "Command refused",
  RESUME_REFUSED: "Resume refused",
  RESUME_REQUESTED: "Resume requested",
  CONTROL_REFUSED: "Unsigned command dropped",
  START_REFUSED: "Start refused",
  REMOVE_REFUSED: "Remove refused",
  REMOVED: "Removed",
  FEE_WITHOUT_RATE: "Fee without a rate",
  FEE_BOOKED: "Fee booked",
  ADJUSTMENT_REFUSED: "Ledger adjustment refused",
  LEDGER_ADJUSTED: "Ledger adjusted",
  MMP: "Market maker protection",
  POSITION_BREAK: "Position break",
  UNACCOUNTED_FILL: "Fill of an unknown order",
  FAULT: "Fault",
  SETTINGS_DIFFER: "Settings differ",
};

const CODE = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b/g;
const SETTING = /\b(?:risk_limits|routing|market_making|inventory|pricing|protection|shape|market_data|balance|reaction)\.([a-z_]+)\b/g;
/** A person's own words follow, which stay as they are. */
const COMMAND = "COMMAND: ";

/** The reason as a sentence; `numbers` adds to codes the figures that they are about. */
export function plainReason(reason: string, numbers: Readonly<Record<string, string>> = {}): string {
  const at = reason.indexOf(COMMAND);
  if (at >= 0) return plainReason(reason.slice(0, at), numbers) + reason.slice(at + COMMAND.length);
  return reason
    .replace(CODE, (code) => {
      const phrase = PHRASES[code];
      const figures = numbers[code];
      return phrase === undefined ? code : figures ? `${phrase} (${figures})` : phrase;
    })
    .replace(SETTING, (_, name: string) => settingWords(name));
}

export const codesIn = (reason: string): readonly string[] => (reason.match(CODE) ?? []).filter((code) => code in PHRASES);

export function alertTitle(name: string): string {
  const near = /^NEAR_(.+)$/.exec(name)?.[1];
  if (near) return `Near the ${near.toLowerCase().replaceAll("_", " ")} limit`;
  return ALERT_TITLES[name] ?? sentenceCase(name);
}

function sentenceCase(name: string): string {
  const plain = name.toLowerCase().replaceAll("_", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
