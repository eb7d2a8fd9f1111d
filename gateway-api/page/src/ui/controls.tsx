import { memo, useEffect, useRef, useState, type ReactNode } from "react";
import type { Permission } from "../api/types";
import { useRight } from "../app/session";
import { percent } from "../format/numbers";
import { limitLook } from "../format/states";
import { useWarnAt } from "../live/hooks";
import { useMoment } from "./moment";

interface CommandButtonProps {
  permission: Permission;
  onClick: () => void;
  children: ReactNode;
  className?: string;
  label?: string;
  id?: string;
  busy?: boolean;
}

const REST_MS = 1_000;

/** True for a second after each `begin`: a second click of a double click must not find the opposite command. */
function useRest(): { isResting: boolean; begin: () => void } {
  const [isResting, setResting] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const begin = () => {
    setResting(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setResting(false), REST_MS);
  };
  return { isResting, begin };
}

/** Disabled in a replay and without permission, with the reason, and for a second after a click; a halt is never
 * kept waiting. Keeps its place and focus. */
export function CommandButton({ permission, onClick, children, className, label, id, busy }: CommandButtonProps) {
  const right = useRight(permission);
  const { isReplay } = useMoment();
  const because = isReplay ? "A replay is read-only." : right.because;
  const { isResting, begin } = useRest();
  const isOff = Boolean(because) || busy === true || (isResting && permission !== "halt");
  const click = () => {
    begin();
    onClick();
  };
  return (
    <button
      type="button"
      id={id}
      className={className}
      aria-label={label}
      aria-disabled={isOff || undefined}
      title={because || undefined}
      onClick={isOff ? undefined : click}
    >
      {children}
    </button>
  );
}

/** How much of a limit is used: a bar with marks at the soft and the hard limit. */
export function LimitBar({ share, label }: { share: number; label: string }) {
  const warnAt = useWarnAt();
  const look = limitLook(share, warnAt);
  const width = `${Math.min(share, 1) * 100}%`;
  return (
    <span className={`limit-bar ${look.tone}`} role="img" aria-label={`${label}: ${percent(share)} of the limit, ${look.word}`}>
      <i style={{ width }} />
      <b style={{ left: `${warnAt * 100}%` }} />
    </span>
  );
}

/** A bar from the centre: the position within a two-sided band. */
export const BiasBar = memo(function BiasBar({ share, label }: { share: number; label: string }) {
  const part = Math.min(Math.abs(share), 1) * 50;
  const style = share >= 0 ? { left: "50%", width: `${part}%` } : { left: `${50 - part}%`, width: `${part}%` };
  return (
    <span className={`bias-bar ${share < 0 ? "short" : "long"}`} role="img" aria-label={label}>
      <i style={style} />
    </span>
  );
});

interface ToggleProps {
  pressed: boolean;
  onToggle: () => void;
  children: ReactNode;
  label?: string;
}

export function Toggle({ pressed, onToggle, children, label }: ToggleProps) {
  return (
    <button type="button" className="toggle" aria-pressed={pressed} aria-label={label} onClick={onToggle}>
      {children}
    </button>
  );
}
