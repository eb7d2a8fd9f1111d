// What the HTTP API answers, in one place. Prices, sizes and money are exact decimals, as strings.

export type TradingState = "RUN" | "REDUCE_ONLY" | "HALT";
export type MakerState =
  | "HALTED"
  | "REDUCE_ONLY"
  | "NO_MARKET"
  | "NOT_QUOTING"
  | "ONE_SIDE"
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
  | "resume_request"
  | "resume"
  | "tighten"
  | "loosen_propose"
  | "loosen"
  | "parameters"
  | "override_request"
  | "override_approve"
  | "acknowledge"
  | "audit"
  | "export"
  | "users";
export type CommandAction = "start" | "stop" | "halt" | "resume" | "resume_request";
export type SignInWay = "one_time" | "users";

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  hint: string;
  instance: string;
  sign_in?: SignInWay;
}

export interface Session {
  name: string;
  roles: string[];
  scope: string[];
  permissions: Permission[];
  method: "one_time" | "password" | "token";
  sign_in: SignInWay;
  expires_ms: number;
}

// --- the stream ---

export interface EngineGlance {
  version: string;
  mode: "paper" | "live";
  venue: string;
  feed_kind: string;
  speed: string;
  reporting_currency: string;
  max_loss: string;
  account_max_loss: string;
  config_hash: string;
  started_ms: number;
}

export interface Limit {
  name: string;
  value: number;
  limit: number;
  unit: string;
}

export interface Withdrawal {
  key: string;
  state: "none" | "cancelling" | "incomplete" | "confirmed";
  reasons: string[];
  since_ms: number;
  open_orders: string[];
  /** How many were open since it began. */
  orders: number;
}

export interface AccountGlance {
  state: TradingState | null;
  reasons: string[];
  latched: boolean;
  halt_sequence: number;
  resume_asked_by: string | null;
  resume_people: number;
  limits: Limit[];
  pnl: string | null;
  gross_notional: string;
  exposure: number;
  exposure_max: number;
  refusals_without_symbol: number;
  withdrawals: Withdrawal[];
}

export interface AlertGlance {
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

export interface CommandGlance {
  command_id: string;
  time_ms: number;
  action: CommandAction;
  key: string;
  principal: string;
  reason: string;
}

export interface Proposal {
  proposal_id: string;
  kind: "setting" | "override";
  key: string;
  text: string;
  requester: string;
  reason: string;
  asked_ms: number;
  valid_until_ms: number;
}

export interface Change {
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
  fee: string;
  fee_currency: string;
}

export interface FillNews extends Fill {
  key: string;
}

export interface Market {
  status: string;
  event_time_ms: number;
  bid: string | null;
  bid_size: string | null;
  ask: string | null;
  ask_size: string | null;
  mid: string | null;
  spread_bps: number | null;
}

export interface Features {
  volatility_bps: number | null;
  volatility_ready: boolean;
  regime: string;
  jump: boolean;
  imbalance: number;
  flow_imbalance: number;
}

export interface OwnQuote {
  price: string;
  size: string;
  distance_bps: number | null;
  status: string;
}

export interface OwnSide {
  quote: OwnQuote | null;
  reason: string | null;
}

export interface Inventory {
  position: string;
  base_currency: string;
  notional: string | null;
  notional_reporting: string;
  average_price: string | null;
  bias: number;
  rebalance_action: string;
  rebalance_size: string;
  rebalance_urgency: number;
}

export interface Profit {
  currency: string;
  total: string;
  capture: string;
  inventory: string;
  fees: string;
  realised: string;
  unrealised: string;
  max_drawdown: string;
  total_reporting: string;
}

export interface Risk {
  state: TradingState;
  reasons: string[];
  latched: boolean;
  halt_sequence: number;
  resume_asked_by: string | null;
  own_state: TradingState;
  limits: Limit[];
}

export interface Activity {
  books: number;
  trades: number;
  refused_events: number;
  quotes: number;
  orders: number;
  amends: number;
  cancels: number;
  rejects: number;
  denials: number;
  fills: number;
  halts: number;
  two_sided_share: number | null;
}

export interface SymbolStatus {
  key: string;
  symbol: string;
  venue: string;
  state: MakerState;
  rank: number;
  stopped: boolean;
  event_time_ms: number;
  market: Market | null;
  features: Features | null;
  bid: OwnSide;
  ask: OwnSide;
  inventory: Inventory | null;
  pnl: Profit | null;
  risk: Risk | null;
  activity: Activity;
}

export interface StreamMessage {
  sequence: number;
  engine_time_ms: number;
  resumed?: boolean;
  dropped?: boolean;
  engine?: EngineGlance;
  account?: AccountGlance;
  view?: "live" | "stale" | "away";
  alerts?: AlertGlance[];
  commands?: CommandGlance[];
  proposals?: Proposal[];
  changes?: Change[];
  fills?: FillNews[];
  symbols?: Record<string, SymbolStatus>;
}

// --- one symbol in depth ---

export interface LadderLevel {
  price: string;
  size: string | null;
  own_size: string | null;
}

export interface TradeGlance {
  time_ms: number;
  price: string;
  size: string;
  side: Side | null;
}

export interface Step {
  name: string;
  input: number;
  effect_bps: number;
  config_key: string | null;
  price_after: number;
}

export interface ExplainedSide {
  price: string | null;
  size: string | null;
  steps: Step[];
  not_quoting_because: string | null;
}

export interface QuoteSides {
  bid: ExplainedSide;
  ask: ExplainedSide;
}

export interface Explanation extends QuoteSides {
  model: string;
  /** Why it is another model than was configured. */
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
  trades: TradeGlance[];
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

export interface CommandResponse {
  command_id: string;
  action: CommandAction;
  symbol: string;
  venue: string;
  status: "sent";
  event_time: string;
}

export interface ControlResponse {
  command_id: string;
  status: "sent" | "proposed";
}

export interface Setting {
  key: string;
  value: string;
  default: string;
  kind: "limit" | "parameter";
  tighter: "lower" | "higher" | null;
  unit: string;
  description: string;
  changed_by: string | null;
  changed_ms: number | null;
  pending: string | null;
  applies: "live" | "restart";
}

export interface SettingsResponse {
  config_hash: string;
  settings: Setting[];
}

export interface PreviewResponse {
  before: QuoteSides;
  after: QuoteSides;
}

// --- the past ---

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
  account?: AccountGlance | null;
}

export interface Divergence {
  sequence: number;
  topic: string;
  key: string;
  time_ms: number | null;
  cause: string | null;
  fields: { path: string; recorded: unknown; replayed: unknown }[];
}

export interface CheckedProcess {
  process: string;
  inputs: number;
  outputs: number;
  divergences: number;
  first: Divergence | null;
}

export interface CheckResponse {
  check_id: string;
  state: "running" | "done" | "failed";
  processes: CheckedProcess[];
  error: string | null;
}

export interface SystemResponse {
  time_ms: number;
  version: string;
  config_hash: string;
  shape: string;
  processes: { name: string; state: "ok" | "silent"; inputs: number; published: number; age_ms: number | null }[];
  latency: { name: string; count: number; p50_ms: number | null; p99_ms: number | null }[];
  store: { state: "live" | "stale" | "away"; age_ms: number | null };
  streams: { open: number; max: number };
  limits: Limit[];
}

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
