import type { ReactNode } from "react";

/** A scrollable region that is keyboard focusable. */
export function Scroll({ label, children, className }: { label: string; children: ReactNode; className?: string }) {
  return (
    <div className={`scroll ${className ?? ""}`} tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}
