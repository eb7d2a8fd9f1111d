// A GET for a panel: loading, failed with a remedy, or loaded; optionally polled.
import { useCallback, useEffect, useState } from "react";
import { ask, problemFrom } from "../api/client";
import type { Problem } from "../api/types";

export interface Asked<Answer> {
  data: Answer | null;
  problem: Problem | null;
  isLoading: boolean;
  again: () => void;
}

/** A null `path` requests nothing. The previous data stay while a newer response is loading. */
export function useAsk<Answer>(path: string | null, everyMs = 0): Asked<Answer> {
  const [state, setState] = useState<{ path: string | null; data: Answer | null; problem: Problem | null }>({
    path: null,
    data: null,
    problem: null,
  });
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((known) => known + 1), []);
  useEffect(() => {
    if (path === null) return;
    const control = new AbortController();
    let timer = 0;
    ask<Answer>(path, { signal: control.signal })
      .then((data) => setState({ path, data, problem: null }))
      .catch((error: unknown) => {
        if (!control.signal.aborted) setState((known) => ({ path, data: known.data, problem: problemFrom(error) }));
      })
      .finally(() => {
        if (everyMs && !control.signal.aborted) timer = window.setTimeout(again, everyMs);
      });
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [path, round, everyMs, again]);
  return { data: state.data, problem: state.problem, isLoading: path !== null && state.path !== path, again };
}
