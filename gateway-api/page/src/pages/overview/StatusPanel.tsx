import type { MakerState } from "../../api/types";
import { plainReason } from "../../format/reasons";
import { MAKER_LOOKS } from "../../format/states";
import { ageText, durationText } from "../../format/times";
import { engineNow, useTick } from "../../live/clock";
import { send } from "../../live/commands";
import { useAllSymbols, useCalmAccount, useEngine } from "../../live/hooks";
import { openDialog } from "../../frame/dialogs";
import { useStateLook } from "../../frame/Strip";
import { CommandButton } from "../../ui/controls";
import { Facts } from "../../ui/Facts";
import { Icon, StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Skeleton } from "../../ui/states";
import { startSteps } from "./standing";
import { countStates, newestMs } from "./summary";

const ORDER = Object.keys(MAKER_LOOKS) as MakerState[];
const REASON = "from the overview";

export function StatusPanel() {
  const rows = useAllSymbols();
  return (
    <Panel id="status" title="Status" atMs={newestMs(rows)} actions={<Switches />}>
      {rows.length ? <Body /> : <Skeleton rows={6} />}
    </Panel>
  );
}

/** Each has a place of its own, and starting all is confirmed: a second click never undoes the first. */
function Switches() {
  const rows = useAllSymbols();
  return (
    <>
      <CommandButton permission="start" id="start-all" busy={!rows.some((row) => row.stopped)} onClick={() => openDialog.set({ kind: "start-all" })}>
        Start all
      </CommandButton>
      <CommandButton permission="stop" id="stop-all" busy={rows.every((row) => row.stopped)} onClick={() => void send("stop", "*", REASON)}>
        Stop all
      </CommandButton>
    </>
  );
}

function Body() {
  const counts = countStates(useAllSymbols());
  const total = useAllSymbols().length;
  const look = useStateLook();
  return (
    <div className="panel-body status-body">
      <p className="big">
        <StateWord look={look} />
      </p>
      <ul className="counts">
        {ORDER.filter((state) => counts.get(state)).map((state) => (
          <li key={state} className={MAKER_LOOKS[state].tone}>
            <Icon shape={MAKER_LOOKS[state].shape} />
            <b>{counts.get(state)}</b> {MAKER_LOOKS[state].word.toLowerCase()}
          </li>
        ))}
        <li className="muted">of {total} symbols</li>
      </ul>
      <Start />
      <Engine />
    </div>
  );
}

/** What is still being read, built or measured, and since when. */
function Start() {
  const steps = [...startSteps(useAllSymbols())];
  const engine = useEngine();
  useTick(1000);
  if (!steps.length || !engine) return null;
  return (
    <p className="muted" id="start-steps">
      Starting: {steps.map(([step, count]) => `${step} ${count}`).join(", ")}; engine up {durationText(engineNow() - engine.started_ms)}
    </p>
  );
}

function Engine() {
  const engine = useEngine();
  const account = useCalmAccount();
  useTick(1000);
  if (!engine) return null;
  const reasons = plainReason(account?.reasons.join("; ") ?? "") || "none";
  return (
    <Facts
      facts={[
        ["Up", durationText(engineNow() - engine.started_ms), `Since ${ageText(engineNow() - engine.started_ms)}`],
        ["Venue", `${engine.venue}, ${engine.feed_kind}`],
        ["Reasons", reasons, reasons],
      ]}
    />
  );
}
