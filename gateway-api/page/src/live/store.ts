// The live state from the streams. Components subscribe to the slices they render; one flush per frame.
import type {
  AccountViewModel,
  AlertViewModel,
  Change,
  CommandViewModel,
  Detail,
  DetailMessage,
  EngineViewModel,
  FillNews,
  Proposal,
  StreamMessage,
  SymbolStatus,
} from "../api/types";

export type Slice =
  | "engine"
  | "account"
  | "view"
  | "alerts"
  | "commands"
  | "proposals"
  | "changes"
  | "fills"
  | "keys"
  | "symbols"
  | "detail"
  | "connection"
  | "held"
  | `symbol ${string}`;

export interface Connection {
  connected: boolean;
  /** Time on the browser's monotonic clock; 0 while connected. */
  retry_at_ms: number;
  /** Snapshots sent because this browser was too slow for the updates. */
  dropped: number;
}

const SYMBOLS_A_FRAME = 8;

type Schedule = (flush: () => void) => void;

export class LiveStore {
  engine: EngineViewModel | null = null;
  /** The recording is over: what is shown is its end. */
  hasEnded = false;
  account: AccountViewModel | null = null;
  view: "live" | "stale" | "away" = "live";
  alerts: readonly AlertViewModel[] = [];
  commands: readonly CommandViewModel[] = [];
  proposals: readonly Proposal[] = [];
  changes: readonly Change[] = [];
  fills: readonly FillNews[] = [];
  readonly symbols = new Map<string, SymbolStatus>();
  keys: readonly string[] = [];
  detail: Detail | null = null;
  connection: Connection = { connected: false, retry_at_ms: 0, dropped: 0 };
  loaded = false;
  /** When the engine's state was last read, by the browser's monotonic clock. */
  readAtMs = 0;
  /** Symbols and fills are frozen while a user reads; halts and alerts are not. */
  isHeld = false;
  /** Change counter: a cheap check whether any symbol changed. */
  symbolsVersion = 0;

  private readonly listeners = new Map<Slice, Set<() => void>>();
  private readonly dirty = new Set<Slice>();
  private held: StreamMessage | null = null;
  private asked = false;
  private readonly schedule: Schedule;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
  }

  subscribe(slice: Slice, listener: () => void): () => void {
    const listeners = this.listeners.get(slice) ?? new Set();
    this.listeners.set(slice, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (!listeners.size && this.listeners.get(slice) === listeners) this.listeners.delete(slice);
    };
  }

  take(message: StreamMessage, isSnapshot: boolean): void {
    if (isSnapshot) this.forgetAbsent(message);
    this.takeUrgent(message);
    if (this.view === "live") this.readAtMs = performance.now();
    if (this.isHeld && !isSnapshot) this.hold(message);
    else this.takeMoving(message);
    this.loaded = true;
  }

  takeDetail(message: DetailMessage): void {
    if (!message.detail || this.isHeld) return;
    this.detail = message.detail;
    this.touch("detail");
  }

  forgetDetail(): void {
    this.detail = null;
    this.touch("detail");
  }

  setConnection(change: Partial<Connection>): void {
    this.connection = { ...this.connection, ...change };
    this.touch("connection");
  }

  setHeld(isHeld: boolean): void {
    this.isHeld = isHeld;
    if (!isHeld && this.held) this.takeMoving(this.held);
    this.held = null;
    this.touch("held");
  }

  /** The age at which a book is stale, as the engine has it. */
  get staleMs(): number {
    return this.engine?.book_age_ms_max ?? Infinity;
  }

  private takeUrgent(message: StreamMessage): void {
    if (message.engine) this.put("engine", message.engine);
    if (this.hasEnded !== (message.ended ?? false)) {
      this.hasEnded = message.ended ?? false;
      this.touch("engine");
    }
    if (message.account) this.put("account", message.account);
    if (message.view) this.put("view", message.view);
    if (message.alerts) this.put("alerts", message.alerts);
    if (message.commands) this.put("commands", message.commands);
    if (message.proposals) this.put("proposals", message.proposals);
    if (message.changes) this.put("changes", message.changes);
  }

  private takeMoving(message: StreamMessage): void {
    if (message.fills) this.put("fills", message.fills);
    const count = this.symbols.size;
    for (const [key, status] of Object.entries(message.symbols ?? {})) {
      if (status) this.symbols.set(key, status);
      else this.symbols.delete(key);
      this.touch(`symbol ${key}`);
    }
    if (!message.symbols) return;
    this.symbolsVersion += 1;
    this.touch("symbols");
    if (this.symbols.size !== count) this.refreshKeys();
  }

  private hold(message: StreamMessage): void {
    const symbols = { ...this.held?.symbols, ...message.symbols };
    this.held = { ...this.held, ...message, symbols };
  }

  private forgetAbsent(message: StreamMessage): void {
    this.held = null;
    for (const key of this.symbols.keys()) {
      if (!message.symbols?.[key]) {
        this.symbols.delete(key);
        this.touch(`symbol ${key}`);
      }
    }
    this.refreshKeys();
  }

  private refreshKeys(): void {
    this.keys = [...this.symbols.keys()].sort();
    this.touch("keys");
  }

  private put<Name extends "engine" | "account" | "view" | "alerts" | "commands" | "proposals" | "changes" | "fills">(
    name: Name,
    value: LiveStore[Name],
  ): void {
    (this as Pick<LiveStore, Name>)[name] = value;
    this.touch(name);
  }

  private touch(slice: Slice): void {
    this.dirty.add(slice);
    this.flushLater();
  }

  /** All changes, with as many symbols as fit in a frame; the rest follow in the next frames. */
  private flush(): void {
    this.asked = false;
    let symbolsLeft = SYMBOLS_A_FRAME;
    for (const slice of [...this.dirty]) {
      const listeners = this.listeners.get(slice);
      if (listeners && slice.startsWith("symbol ") && symbolsLeft-- <= 0) continue;
      this.dirty.delete(slice);
      for (const listener of [...(listeners ?? [])]) listener();
    }
    if (this.dirty.size) this.flushLater();
  }

  private flushLater(): void {
    if (this.asked) return;
    this.asked = true;
    this.schedule(() => this.flush());
  }
}

// A hidden tab renders no frames, but its title must show a halt.
const onFrame: Schedule = (flush) => {
  if (document.hidden) setTimeout(flush, 0);
  else requestAnimationFrame(flush);
};

export const live = new LiveStore(onFrame);
