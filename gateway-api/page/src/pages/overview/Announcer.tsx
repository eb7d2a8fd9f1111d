// Fills for screen readers: a summary, at most every five seconds.
import { useEffect, useRef, useState } from "react";
import { live } from "../../live/store";

const EVERY_MS = 5_000;

export function Announcer() {
  const seen = useRef(Infinity);
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setInterval(() => {
      const newest = live.fills[0]?.time_ms ?? 0;
      const count = live.fills.filter((fill) => fill.time_ms > seen.current).length;
      seen.current = newest;
      if (count) setText(`${count} ${count === 1 ? "fill" : "fills"} in the last 5 seconds`);
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className="hidden-text" aria-live="polite">
      {text}
    </p>
  );
}
