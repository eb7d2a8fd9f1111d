import type { ReactNode } from "react";

/** A region that scrolls, and that the keyboard can reach for it. */
export function Scroll({ label, children, className }: { label: string; children: ReactNode; className?: string }) {
  return (
    <div className={`scroll ${className ?? ""}`} tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
