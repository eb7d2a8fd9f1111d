// Past events, step by step, and the page as it looked at any time.
import { useMemo, useState, type ReactNode } from "react";
import type { Lane } from "../../api/types";
import { useWatched } from "../../app/external";
import { route } from "../../app/location";
import { clockMicrosText, zoneText } from "../../format/times";
import { useLoaded } from "../../live/hooks";
import { MomentContext } from "../../ui/moment";
import { Skeleton } from "../../ui/states";
import { useZone } from "../../ui/time";
import { CheckView } from "./CheckView";
import { LANES, shownEvents } from "./lanes";
import { msOf, type Position, type View } from "./position";
import { Scrubber } from "./Scrubber";
import { StateView } from "./StateView";
import { StretchBar } from "./StretchBar";
import { TimelineView } from "./TimelineView";
import { useEvents } from "./useEvents";
import { usePlayer } from "./usePlayer";
import { usePosition, type Move } from "./usePosition";

export function ReplayPage() {
  const isLoaded = useLoaded();
  const { query } = useWatched(route);
  // Without a time in the URL the last minute is shown; its time comes from the stream.
  if (!isLoaded && (!query["at"] || !query["symbol"])) return <Skeleton rows={20} />;
  return <Replay />;
}

function Replay() {
  const [position, move] = usePosition();
  const loaded = useEvents(position);
  const [lanes, setLanes] = useState<ReadonlySet<Lane>>(new Set(LANES));
  const [text, setText] = useState("");
  const shown = useMemo(() => shownEvents(loaded.events, { lanes, text }), [loaded.events, lanes, text]);
  const player = usePlayer(shown, position, move);
  const atMs = msOf(position.at_ns);
  const moment = useMemo(() => ({ isReplay: true, nowMs: () => atMs }), [atMs]);
  return (
    <MomentContext value={moment}>
      <div className="replay-page" data-view={position.view}>
        <ReplayBanner position={position}>
          <Views view={position.view} move={move} />
        </ReplayBanner>
        <StretchBar position={position} move={move} text={text} onText={setText} />
        <Scrubber position={position} move={move} player={player} />
        {position.view === "state" ? (
          <StateView position={position} />
        ) : position.view === "check" ? (
          <CheckView position={position} move={move} />
        ) : (
          <TimelineView position={position} move={move} loaded={loaded} shown={shown} lanes={lanes} onLanes={setLanes} />
        )}
      </div>
    </MomentContext>
  );
}

function ReplayBanner({ position, children }: { position: Position; children: ReactNode }) {
  const zone = useZone();
  return (
    <div className="banner replay" id="replay-banner">
      <p>
        <b>REPLAY</b> The panels below show the past at {clockMicrosText(position.at_ns, zone)} {zoneText(zone)}, read-only. The strip above is the engine as it runs now.
      </p>
      {children}
    </div>
  );
}

const VIEWS: readonly (readonly [View, string])[] = [
  ["timeline", "Timeline"],
  ["state", "State at the position"],
  ["check", "Verify replay"],
];

function Views({ view, move }: { view: View; move: Move }) {
  return (
    <div className="views" role="group" aria-label="Views of the time range">
      {VIEWS.map(([each, title]) => (
        <button key={each} type="button" aria-pressed={each === view} onClick={() => move({ view: each })}>
          {title}
        </button>
      ))}
    </div>
  );
}
