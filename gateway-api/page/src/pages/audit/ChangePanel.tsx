// Change one setting: preview the newest quote, then send the change or propose it to a second person.
import { useState } from "react";
import { ask, freshId, problemFrom } from "../../api/client";
import type { ControlResponse, Permission, Problem, Setting } from "../../api/types";
import { grouped } from "../../format/numbers";
import { CommandButton } from "../../ui/controls";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty } from "../../ui/states";
import { isFar, isLooser, OF_ACCOUNT, typed, valueText } from "./change";
import { PreviewView } from "./PreviewView";
import { settingName } from "./SettingsPanel";

interface ChangePanelProps {
  setting: Setting | null;
  onSent: () => void;
}

export function ChangePanel({ setting, onSent }: ChangePanelProps) {
  return (
    <Panel id="change" title="Change" note={setting?.key}>
      {setting ? <ChangeForm setting={setting} onSent={onSent} /> : <Empty>Select a setting in the list to see its description, preview a value and change it.</Empty>}
    </Panel>
  );
}

type Outcome = { kind: "sent" | "proposed"; keeps: readonly string[] } | { kind: "failed"; problem: Problem };

function useChange(setting: Setting, onSent: () => void) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const send = async (method: "PUT" | "POST", path: string, body: object) => {
    try {
      const answer = await ask<ControlResponse>(path, { method, body, idempotencyKey: freshId() });
      setOutcome({ kind: answer.status, keeps: answer.keeps ?? [] });
      onSent();
    } catch (error) {
      setOutcome({ kind: "failed", problem: problemFrom(error) });
    }
  };
  const submit = (value: string, reason: string) => send("PUT", `/maker/settings/${encodeURIComponent(setting.key)}`, { value, reason });
  const revert = (reason: string) => send("POST", "/maker/settings/revert", { change_id: setting.change_id, reason });
  return { outcome, submit, revert };
}

function permissionOf(setting: Setting, looser: boolean): Permission {
  if (looser) return "loosen_propose";
  return setting.kind === "parameter" ? "parameters" : "tighten";
}

function ChangeForm({ setting, onSent }: { setting: Setting; onSent: () => void }) {
  const [text, setText] = useState(setting.value);
  const [reason, setReason] = useState("");
  const { outcome, submit, revert } = useChange(setting, onSent);
  const [confirmed, setConfirmed] = useState("");
  const { value, problem } = typed(setting, text);
  const looser = isLooser(setting, value);
  const far = isFar(setting, value);
  const [section, name] = settingName(setting.key);
  const said = reason.trim();
  const canSend = value !== "" && value !== setting.value && said !== "" && (!far || confirmed === value);
  return (
    <Scroll label="Change a setting" className="pad change">
      <form className="change-form" onSubmit={(event) => event.preventDefault()}>
        <p>
          <b>{name}</b> <small>{section}</small>
        </p>
        <p className="muted">{setting.description || "No description."}</p>
        <p className="small">
          {inForce(setting)} {about(setting)}
        </p>
        <p className="small" id="setting-reach">
          {reach(setting)}
        </p>
        <label>
          <span>Value</span>
          <input id="setting-value" value={text} inputMode="decimal" autoComplete="off" aria-describedby="setting-becomes" aria-invalid={problem !== null || undefined} onChange={(event) => setText(event.target.value)} />
        </label>
        <p id="setting-becomes" role="status" className={problem ? "error" : "small"}>
          {problem ?? becomes(setting, value)}
        </p>
        {far ? (
          <label className="choice">
            <input type="checkbox" id="setting-far" checked={confirmed === value} onChange={(event) => setConfirmed(event.target.checked ? value : "")} />
            <span>This is far from the value in force. I mean {grouped(value)}.</span>
          </label>
        ) : null}
        <label>
          <span>Reason</span>
          <input id="setting-reason" value={reason} maxLength={1000} autoComplete="off" onChange={(event) => setReason(event.target.value)} />
        </label>
        <div className="buttons">
          {looser ? <span className="warn">Looser: a second person with the role risk has to approve.</span> : null}
          <CommandButton permission={permissionOf(setting, looser)} className="primary" id="setting-send" busy={!canSend} onClick={() => void submit(value, said)}>
            {looser ? "Propose" : "Change"}
          </CommandButton>
        </div>
        <div className="buttons">
          {setting.is_own && setting.was !== OF_ACCOUNT ? (
            <CommandButton permission={permissionOf(setting, isLooser(setting, setting.default))} id="setting-follow" busy={said === ""} onClick={() => void submit(OF_ACCOUNT, said)}>
              Follow the account
            </CommandButton>
          ) : null}
          {setting.change_id && setting.was ? (
            <CommandButton permission={permissionOf(setting, isLooser(setting, setting.was))} id="setting-revert" busy={said === ""} onClick={() => void revert(said)}>
              Revert to {valueText(setting.was)}
            </CommandButton>
          ) : null}
        </div>
        <OutcomeLine outcome={outcome} />
      </form>
      <PreviewView settingKey={setting.key} value={value} symbol={setting.symbol ?? null} />
    </Scroll>
  );
}

function inForce(setting: Setting): string {
  const unit = setting.unit ? `, in ${setting.unit}` : "";
  if (setting.symbol === null) return `In force ${grouped(setting.value)}, default ${grouped(setting.default)}${unit}.`;
  return `In force ${grouped(setting.value)}, ${setting.is_own ? "its own" : "of the account"}; account ${grouped(setting.default)}${unit}.`;
}

/** Which symbols a change touches. */
function reach(setting: Setting): string {
  if (setting.symbol) return `A change touches this symbol only: ${setting.symbol}.`;
  const own = Object.entries(setting.own).map(([symbol, value]) => `${symbol} (${grouped(value)})`);
  return own.length ? `A change touches all symbols but those with a value of their own: ${own.join(", ")}.` : "A change touches every symbol.";
}

function becomes(setting: Setting, value: string): string {
  if (value === "" || value === setting.value) return "";
  return `${grouped(setting.value)} \u2192 ${grouped(value)} ${setting.unit}`;
}

function about(setting: Setting): string {
  if (setting.tighter === null) return "A parameter: one person can change it.";
  return `A limit: ${setting.tighter} is tighter and takes one person; loosening takes two.`;
}

function OutcomeLine({ outcome }: { outcome: Outcome | null }) {
  if (!outcome) return <p role="status" />;
  if (outcome.kind === "failed") {
    return (
      <p className="error" role="alert">
        {outcome.problem.detail} {outcome.problem.hint}
      </p>
    );
  }
  return (
    <p className="good" role="status">
      {outcome.kind === "sent" ? "Sent. The list of changes shows when every process has applied it." : "Proposed. It awaits a second person."}
      {outcome.keeps.length ? ` ${outcome.keeps.join(", ")} ${outcome.keeps.length === 1 ? "keeps its" : "keep their"} own value.` : null}
    </p>
  );
}
