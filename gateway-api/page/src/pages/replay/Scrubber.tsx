import { clockMicrosText } from "../../format/times";
import { useZone } from "../../ui/time";
import { msOf, nsOf, type Position } from "./position";
import { SPEEDS, type Player } from "./usePlayer";
import type { Move } from "./usePosition";

interface ScrubberProps {
  position: Position;
  move: Move;
  player: Player;
}

export function Scrubber({ position, move, player }: ScrubberProps) {
  const zone = useZone();
  const text = clockMicrosText(position.at_ns, zone);
  return (
    <div className="scrubber">
      <button type="button" onClick={player.toBegin} aria-label="To the start of the range (Home)">
        |{"\u25c0"}
      </button>
      <button type="button" onClick={() => player.step(-1)} aria-label="Previous event ([)">
        {"\u25c0"}
      </button>
      <button type="button" className="primary play" onClick={player.toggle} aria-pressed={player.isPlaying}>
        {player.isPlaying ? "Pause" : "Play"}
      </button>
      <button type="button" onClick={() => player.step(1)} aria-label="Next event (])">
        {"\u25b6"}
      </button>
      <button type="button" onClick={player.toEnd} aria-label="To the end of the range (End)">
        {"\u25b6"}|
      </button>
      <label className="inline">
        Speed{" "}
        <select value={player.speed} onChange={(event) => player.setSpeed(Number(event.target.value))}>
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed}>
              {speed}
              {"\u00d7"}
            </option>
          ))}
        </select>
      </label>
      <input
        type="range"
        aria-label="Position in the range"
        aria-valuetext={text}
        min={position.from_ms}
        max={position.to_ms}
        step="any"
        value={msOf(position.at_ns)}
        onChange={(event) => move({ at_ns: nsOf(Number(event.target.value)), event_id: null })}
      />
      <output className="at" id="position">
        {text}
      </output>
    </div>
  );
}
