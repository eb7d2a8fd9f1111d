import { Component, type ReactNode } from "react";
import { useAged } from "./freshness";
import { Failure } from "./states";

export interface PanelProps {
  id: string;
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  /** Event time of the newest data; marked as stale after two seconds. */
  atMs?: number | null | undefined;
  className?: string;
  children: ReactNode;
}

/** A titled region. A rendering error affects only this panel. */
export function Panel({ id, title, note, actions, atMs, className, children }: PanelProps) {
  const aged = useAged(atMs);
  return (
    <section className={`panel ${className ?? ""}`} data-panel={id} data-fresh={aged.freshness} aria-labelledby={`${id}-title`}>
      <header className="panel-head">
        <h3 id={`${id}-title`}>{title}</h3>
        {note ? <span className="note">{note}</span> : null}
        <span className="spacer" />
        {aged.label ? <span className="stale-label">{aged.label}</span> : null}
        {actions}
      </header>
      <Guarded>{children}</Guarded>
    </section>
  );
}

class Guarded extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    const problem = {
      type: "about:blank",
      title: "Page error",
      status: 0,
      detail: `This panel could not be rendered: ${error.message}`,
      code: "page_error",
      hint: "The other panels keep working. Copy the diagnostics for a report.",
      instance: location.hash,
    };
    return <Failure problem={problem} onRetry={() => this.setState({ error: null })} />;
  }
}
