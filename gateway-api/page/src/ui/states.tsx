// Placeholders for panels without data.
import { useState, type ReactNode } from "react";
import type { Problem } from "../api/types";
import { live } from "../live/store";
import { Icon } from "./Icon";

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

/** Placeholder bars of the size of the expected rows. */
export function Skeleton({ rows }: { rows: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="hidden-text">Loading</span>
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

function diagnostics(problem: Problem): string {
  const about = { at: new Date().toISOString(), page: location.hash, version: live.engine?.version ?? null };
  return JSON.stringify({ ...about, problem }, null, 2);
}

export function Failure({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(diagnostics(problem)).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <div className="failure" role="group" aria-label="Error">
      <p>
        <Icon shape="triangle" tone="warn" /> <b>{problem.detail}</b>
      </p>
      {problem.hint ? <p className="muted">{problem.hint}</p> : null}
      <p className="buttons">
        <code>{problem.code}</code>
        {onRetry ? (
          <button type="button" onClick={onRetry}>
            Retry
          </button>
        ) : null}
        <button type="button" onClick={copy}>
          {isCopied ? "Copied" : "Copy diagnostics"}
        </button>
      </p>
    </div>
  );
}
