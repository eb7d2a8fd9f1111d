// A value outside React that components can watch.
import { useSyncExternalStore } from "react";

export class Watched<Value> {
  private readonly listeners = new Set<() => void>();
  private current: Value;

  constructor(value: Value) {
    this.current = value;
  }

  get = (): Value => this.current;

  set(value: Value): void {
    if (Object.is(value, this.current)) return;
    this.current = value;
    for (const listener of [...this.listeners]) listener();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useWatched<Value>(watched: Watched<Value>): Value {
  return useSyncExternalStore(watched.subscribe, watched.get);
}
