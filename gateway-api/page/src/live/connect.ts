// The two streams of the page. A hidden tab keeps the overview, for its title, and closes the symbol stream;
// when shown again it reloads everything.
import type { DetailMessage, StreamMessage } from "../api/types";
import { query } from "../api/client";
import { refreshSession } from "../app/session";
import { plainKey, venueOf } from "../format/states";
import { hearTime, speedOf } from "./clock";
import { live } from "./store";
import { Stream } from "./stream";

const SESSION_ASK_MS = 2_000;
let sessionAskedAt = -SESSION_ASK_MS;

// An event stream does not report why it failed: the session does.
function askSession(): void {
  if (performance.now() - sessionAskedAt < SESSION_ASK_MS) return;
  sessionAskedAt = performance.now();
  void refreshSession();
}

let overview: Stream<StreamMessage> | null = null;

function openOverview(): Stream<StreamMessage> {
  return new Stream<StreamMessage>("/stream", {
    onOpen: () => {
      if (!live.connection.connected) live.setConnection({ connected: true, retry_at_ms: 0 });
    },
    onMessage: (message, isSnapshot) => {
      const engine = message.engine ?? live.engine;
      hearTime(message.engine_time_ms, speedOf(engine?.speed ?? "1.0", message.ended ?? false));
      if (message.dropped) live.setConnection({ dropped: live.connection.dropped + 1 });
      live.take(message, isSnapshot);
    },
    onLost: (retryAtMs) => {
      live.setConnection({ connected: false, retry_at_ms: retryAtMs });
      askSession();
    },
  });
}

export const retryNow = () => overview?.retryNow();

export function listen(): () => void {
  overview = openOverview();
  const onVisible = () => {
    if (!document.hidden) overview?.retryNow();
  };
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    overview?.close();
    overview = null;
    live.setConnection({ connected: false });
  };
}

export function listenTo(key: string): () => void {
  const path = `/stream/${encodeURIComponent(plainKey(key))}${query({ venue: venueOf(key) })}`;
  const open = () =>
    new Stream<DetailMessage>(path, { onOpen: () => undefined, onMessage: (message) => live.takeDetail(message), onLost: askSession });
  let stream = document.hidden ? null : open();
  const onVisible = () => {
    stream?.close();
    stream = document.hidden ? null : open();
  };
  live.forgetDetail();
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    stream?.close();
    live.forgetDetail();
  };
}
