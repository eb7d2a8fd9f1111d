import type { AlertViewModel } from "../../api/types";
import { replayHash } from "../../app/routes";
import { openDialog } from "../../frame/dialogs";
import { alertTitle, plainReason } from "../../format/reasons";
import { plainKey, SEVERITY_LOOKS } from "../../format/states";
import { useAlerts, useLoaded } from "../../live/hooks";
import { CommandButton } from "../../ui/controls";
import { Icon, StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { HeldBackList } from "./HeldBackList";

/** An incident is viewed from shortly before it happened. */
const BEFORE_MS = 30_000;

const isOpen = (alert: AlertViewModel) => alert.acknowledged_by === null;

export function AlertsPanel() {
  const alerts = useAlerts();
  const isLoaded = useLoaded();
  const sorted = [...alerts.filter(isOpen), ...alerts.filter((alert) => !isOpen(alert))];
  return (
    <Panel id="alerts" title="Alerts" note={alerts.length ? `${alerts.filter(isOpen).length} open` : null}>
      <HeldBackList />
      {alerts.length ? (
        <Scroll label="Alerts, open ones first">
          <ul className="alerts">
            {sorted.map((alert) => (
              <Alert key={alert.alert_id} alert={alert} />
            ))}
          </ul>
        </Scroll>
      ) : isLoaded ? (
        <Empty>No alerts. Warnings of the risk service appear here.</Empty>
      ) : (
        <Skeleton rows={4} />
      )}
    </Panel>
  );
}

function Alert({ alert }: { alert: AlertViewModel }) {
  return (
    <li data-alert={alert.alert_id} className={isOpen(alert) ? "" : "seen"}>
      <p className="alert-head">
        <StateWord look={SEVERITY_LOOKS[alert.severity]} />
        <b>{alertTitle(alert.name)}</b>
        <span>{plainKey(alert.key)}</span>
        {alert.count > 1 ? <span className="muted">{"\u00d7"}{alert.count}</span> : null}
        <span className="spacer" />
        <Clock atMs={alert.last_ms} />
      </p>
      <p className="alert-text">{plainReason(alert.message)}</p>
      <p className="alert-foot">
        <a href={replayHash(alert.last_ms - BEFORE_MS, alert.key)}>Incident, from 30 s before</a>
        <span className="spacer" />
        <Seen alert={alert} />
      </p>
    </li>
  );
}

function Seen({ alert }: { alert: AlertViewModel }) {
  if (alert.acknowledged_by === null) {
    return (
      <CommandButton permission="acknowledge" label={`Acknowledge ${alertTitle(alert.name)} ${plainKey(alert.key)}`} onClick={() => openDialog.set({ kind: "acknowledge", alertId: alert.alert_id })}>
        Acknowledge
      </CommandButton>
    );
  }
  return (
    <span className="muted" title={alert.note}>
      <Icon shape="circle" /> {alert.acknowledged_by} {alert.note}
    </span>
  );
}
