// An event stream that detects a silent server and reports when it will reconnect.
import { API } from "../api/client";

const SILENCE_MS = 6_000;
const WATCH_MS = 1_000;
/** After a network failure the browser reconnects by itself, with the id of the last message. */
const BROWSER_RETRY_MS = 3_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];

interface Numbered {
  sequence: number;
}

export interface StreamEvents<Message> {
  onMessage: (message: Message, isSnapshot: boolean) => void;
  onOpen: () => void;
  /** `retryAtMs` is on the clock of performance.now(). */
  onLost: (retryAtMs: number) => void;
}

export class Stream<Message extends Numbered> {
  private source: EventSource | null = null;
  private heardAt = 0;
  private sequence = 0;
  private failures = 0;
  private timer = 0;
  private readonly watch: number;
  private readonly path: string;
  private readonly events: StreamEvents<Message>;

  constructor(path: string, events: StreamEvents<Message>) {
    this.path = path;
    this.events = events;
    this.watch = window.setInterval(() => this.lookForSilence(), WATCH_MS);
    this.connect();
  }

  close(): void {
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** Reconnect at once instead of at the end of the countdown. */
  retryNow(): void {
    this.source?.close();
    clearTimeout(this.timer);
    this.connect();
  }

  private connect(): void {
    this.heardAt = performance.now();
    const source = new EventSource(API + this.path);
    this.source = source;
    source.onopen = () => {
      this.sequence = 0;
      this.heardAt = performance.now();
    };
    source.onerror = () => this.lose(source);
    for (const name of ["snapshot", "update", "heartbeat"]) {
      source.addEventListener(name, (event: MessageEvent<string>) => this.hear(event.data, name === "snapshot"));
    }
  }

  private hear(data: string, isSnapshot: boolean): void {
    const message = JSON.parse(data) as Message;
    const isGap = this.sequence > 0 && message.sequence !== this.sequence + 1;
    if (isGap && !isSnapshot) return this.retryNow();
    this.sequence = message.sequence;
    this.heardAt = performance.now();
    this.failures = 0;
    this.events.onOpen();
    this.events.onMessage(message, isSnapshot);
  }

  private lose(source: EventSource): void {
    if (source !== this.source) return;
    if (source.readyState === EventSource.CONNECTING) {
      this.heardAt = performance.now();
      this.events.onLost(performance.now() + BROWSER_RETRY_MS);
      return;
    }
    this.connectLater();
  }

  private connectLater(): void {
    this.source?.close();
    this.source = null;
    const delayMs = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? BROWSER_RETRY_MS;
    this.failures += 1;
    this.events.onLost(performance.now() + delayMs);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.connect(), delayMs);
  }

  private lookForSilence(): void {
    if (this.source && performance.now() - this.heardAt > SILENCE_MS) this.connectLater();
  }
}
