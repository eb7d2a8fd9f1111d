// Responses of the HTTP API: types from its OpenAPI document, and hand-written ones for the stream and for rows,
// which it leaves open. Prices, sizes and money are exact decimals, as strings.

import type {
  Limit,
  SystemProcessViewModel,
  PreviewSides,
  SymbolStatus,
} from "./openapi";

export type {
  Activity,
  Balancing,
  CheckedProcess,
  CheckResponse,
  CommandResponse,
  ControlResponse,
  DiskViewModel,
  ExplainedSide,
  Features,
  HaltViewModel,
  Inventory,
  Limit,
  Market,
  OwnQuote,
  OwnSide,
  SystemProcessViewModel as SystemProcess,
  DivergenceViewModel as Divergence,
  PreviewResponse,
  PreviewSides as QuoteSides,
  SignInProblem as Problem,
  Profit,
  Risk,
  SessionViewModel,
  SessionResponse as Session,
  SessionsResponse,
  Setting,
  SettingsResponse,
  Step,
  SymbolStatus,
  SystemResponse,
} from "./openapi";

export type TradingState = "RUN" | "REDUCE_ONLY" | "HALT";
export type MakerState =
  | "HALTED"
  | "REDUCE_ONLY"
  | "NO_MARKET"
  | "NOT_QUOTING"
  | "ONE_SIDE"
  | "NOT_QUOTED"
  | "STOPPED"
  | "WAITING"
  | "QUOTING";
export type Severity = "info" | "warning" | "critical";
export type Side = "buy" | "sell";
export type Permission =
  | "view"
  | "pnl"
  | "start"
  | "stop"
  | "halt"
  | "flatten"
  | "approve_flatten"
  | "resume_request"
  | "resume"
  | "tighten"
  | "loosen_propose"
  | "loosen"
  | "parameters"
  | "override_request"
  | "override_approve"
  | "adjust_propose"
  | "adjust"
  | "acknowledge"
  | "audit"
  | "export"
  | "users";
export type CommandAction = "start" | "flatten" | "halt_flatten" | "approve_flatten" | "stop" | "halt" | "resume" | "resume_request" | "remove";
export type SignInWay = "one_time" | "users";

// --- the stream ---

export interface EngineViewModel {
  version: string;
  mode: "paper" | "live";
  venue: string;
  feed_kind: string;
  speed: string;
  reporting_currency: string;
  max_loss: string;
  account_max_loss: string;
  config_hash: string;
  /** A book older than this is stale: the engine quotes nothing from it. */
  book_age_ms_max: number;
  started_ms: number;
}

export interface Withdrawal {
  key: string;
  state: "none" | "cancelling" | "incomplete" | "confirmed";
  reasons: string[];
  since_ms: number;
  open_orders: string[];
  /** Number of orders open since it began. */
  orders: number;
}

export interface AccountViewModel {
  state: TradingState | null;
  reasons: string[];
  latched: boolean;
  halt_sequence: number;
  resume_asked_by: string | null;
  resume_people: number;
  /** Halted, and orders that reduce positions go out. */
  flattens: boolean;
  /** The first of two people asked for that. */
  flatten_asked_by: string | null;
  limits: Limit[];
  /** Total PnL since the ledgers began; null, as the others: not visible to this user. */
  pnl: string | null;
  session_pnl: string | null;
  /** Since 00:00 UTC. */
  day_pnl: string | null;
  session_began_ms: number | null;
  gross_notional: string;
  exposure: number | null;
  exposure_max: number;
  /** Share of a limit from which the engine warns. */
  warn_at: number;
  refusals_without_symbol: number;
  withdrawals: Withdrawal[];
}

export interface AlertViewModel {
  alert_id: string;
  time_ms: number;
  last_ms: number;
  count: number;
  severity: Severity;
  name: string;
  message: string;
  key: string;
  acknowledged_by: string | null;
  acknowledged_ms: number | null;
  note: string;
}

export interface CommandViewModel {
  command_id: string;
  time_ms: number;
  action: CommandAction;
  key: string;
  principal: string;
  reason: string;
}

export interface Proposal {
  proposal_id: string;
  kind: "setting" | "override" | "adjustment";
  key: string;
  text: string;
  digest: string;
  requester: string;
  reason: string;
  asked_ms: number;
  valid_until_ms: number;
}

export interface Change {
  /** The value that it replaced; null where an earlier version sent it. */
  was: string | null;
  change_id: string;
  key: string;
  value: string;
  requester: string;
  approver: string | null;
  reason: string;
  time_ms: number;
  in_force: boolean;
  applied_by: string[];
  refused_because: string | null;
}

export interface Fill {
  time_ms: number;
  side: Side;
  price: string;
  size: string;
  liquidity: "maker" | "taker" | "unknown";
  edge_bps: number | null;
  /** Null, as its currency: not visible to this user. */
  fee: string | null;
  fee_currency: string | null;
}

export interface FillNews extends Fill {
  key: string;
}

export interface StreamMessage {
  sequence: number;
  engine_time_ms: number;
  resumed?: boolean;
  dropped?: boolean;
  /** The recording is over. */
  ended?: boolean;
  engine?: EngineViewModel;
  account?: AccountViewModel;
  view?: "live" | "stale" | "away";
  alerts?: AlertViewModel[];
  commands?: CommandViewModel[];
  proposals?: Proposal[];
  changes?: Change[];
  fills?: FillNews[];
  /** null: an operator removed the symbol. */
  symbols?: Record<string, SymbolStatus | null>;
}

// --- one symbol in depth ---

export interface LadderLevel {
  price: string;
  size: string | null;
  own_size: string | null;
}

export interface TradeViewModel {
  time_ms: number;
  price: string;
  size: string;
  side: Side | null;
}

export interface Explanation extends PreviewSides {
  model: string;
  /** Why a model other than the configured one was used. */
  model_because: string | null;
  sequence: number;
  event_time_ms: number;
  valid_until_ms: number;
  event_id?: string;
}

export interface OwnOrder {
  client_order_id: string;
  side: Side;
  price: string;
  size: string;
  filled: string;
  status: string;
  level: number;
  age_ms: number;
  queue_ahead?: string | null;
}

export interface Contract {
  tick_size: string;
  lot_size: string;
  maker_fee_bps: string;
  contract_kind: string;
  inferred: string[];
}

export interface Detail {
  key: string;
  contract: Contract | null;
  bids: LadderLevel[];
  asks: LadderLevel[];
  trades: TradeViewModel[];
  fills: Fill[];
  refusals: { time_ms: number; reason: string; detail: string }[];
  orders?: OwnOrder[];
  why: Explanation | null;
}

export interface DetailMessage {
  sequence: number;
  engine_time_ms: number;
  detail?: Detail;
}

// --- commands and settings ---

// --- history ---

export type SeriesKind = "inventory" | "pnl" | "quotes";
export type Lane = "market" | "signal" | "quote" | "order" | "fill" | "risk" | "system" | "human";

export interface SeriesResponse {
  from_ms: number;
  to_ms: number;
  columns: string[];
  rows: (number | string | null)[][];
}

export interface EventRow {
  event_id: string;
  time_ns: string;
  time_ms: number;
  time: string;
  topic: string;
  lane: Lane;
  type: string;
  key: string;
  producer: string;
  sequence: number;
  offset: number;
  cause: string | null;
  summary: string;
  message: Record<string, unknown>;
}

export interface Paged<Row> {
  rows: Row[];
  next_cursor: string | null;
}

export interface ChainResponse {
  causes: EventRow[];
  effects: EventRow[];
}

export interface StateResponse {
  time_ms: number;
  status: SymbolStatus | null;
  detail: Detail | null;
  account?: AccountViewModel | null;
}

/** silent: its status reports have stopped. missing: it never reported. */
export type SystemState = SystemProcessViewModel["state"];

export interface AuditRow {
  time_ms: number;
  time: string;
  principal: string;
  action: string;
  key: string;
  reason: string;
  outcome: string;
  event_id: string;
}
