import type { ReactNode } from "react";

export type Fact = readonly [name: string, value: ReactNode, title?: string];

/** Names and values, one per line. */
export function Facts({ facts, className }: { facts: readonly Fact[]; className?: string }) {
  return (
    <dl className={`facts ${className ?? ""}`}>
      {facts.map(([name, value, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
