// A long table that renders only visible rows. Height and scroll bar are those of all rows.
import { useEffect, useRef, useState, type HTMLAttributes, type ReactNode } from "react";

export interface Window {
  first: number;
  last: number;
}

const SPARE = 4;

/** The visible rows, with a margin on both sides. */
export function rowsInSight(scrollTop: number, height: number, rowHeight: number, count: number): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + SPARE);
  return { first: Math.min(first, count), last };
}

interface VirtualRowsProps extends Pick<HTMLAttributes<HTMLDivElement>, "onPointerEnter" | "onPointerLeave" | "onFocus" | "onBlur"> {
  keys: readonly string[];
  rowHeight: number;
  head: ReactNode;
  row: (key: string, index: number) => ReactNode;
  label: string;
  id?: string;
  className?: string;
}

function useSize(node: React.RefObject<HTMLElement | null>) {
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const box = node.current;
    if (!box) return;
    const look = () => setSeen((known) => {
      const now = { top: box.scrollTop, height: box.clientHeight };
      return known.top === now.top && known.height === now.height ? known : now;
    });
    const observer = new ResizeObserver(look);
    observer.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, [node]);
  return seen;
}

export function VirtualRows({ keys, rowHeight, head, row, label, id, className, ...events }: VirtualRowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSize(box);
  const { first, last } = rowsInSight(seen.top, seen.height, rowHeight, keys.length);
  const before = first * rowHeight;
  const after = (keys.length - last) * rowHeight;
  return (
    <div {...events} className="scroll virtual" ref={box} tabIndex={0} role="group" aria-label={label}>
      <table id={id} className={className} aria-rowcount={keys.length + 1}>
        <thead>{head}</thead>
        <tbody>
          {before ? <tr aria-hidden="true" style={{ height: before }} /> : null}
          {keys.slice(first, last).map((key, index) => row(key, first + index))}
          {after ? <tr aria-hidden="true" style={{ height: after }} /> : null}
        </tbody>
      </table>
    </div>
  );
}
