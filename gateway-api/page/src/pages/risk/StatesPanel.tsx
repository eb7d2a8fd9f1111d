// Symbols that are not trading, with reason and remedy.
import type { AccountViewModel, SymbolStatus } from "../../api/types";
import { symbolHash } from "../../app/routes";
import { plainReason } from "../../format/reasons";
import { tradingLook } from "../../format/states";
import { openDialog } from "../../frame/dialogs";
import { withdrawalText } from "../../frame/withdrawal";
import { sidesQuoted } from "../../live/commands";
import { useAllSymbols, useCalmAccount } from "../../live/hooks";
import { StateWord } from "../../ui/Icon";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Skeleton } from "../../ui/states";
import { HeldBackList } from "../overview/HeldBackList";
import { newestMs } from "../overview/summary";

export function StatesPanel() {
  const account = useCalmAccount();
  const rows = useAllSymbols();
  const limited = rows.filter((row) => row.risk && row.risk.own_state !== "RUN");
  return (
    <Panel id="states" title="Trading states" note={`${rows.length - limited.length} of ${rows.length} symbols run`} atMs={newestMs(rows)}>
      {account ? (
        <Scroll label="Trading states" className="pad">
          <Account account={account} />
          <HeldBackList />
          {limited.length ? <Limited rows={limited} /> : <Empty>No symbol is halted or restricted by its own limits.</Empty>}
        </Scroll>
      ) : (
        <Skeleton rows={4} />
      )}
    </Panel>
  );
}

function Account({ account }: { account: AccountViewModel }) {
  const isHalted = account.state === "HALT";
  return (
    <div className="state-block">
      <p>
        <b>Account</b> <StateWord look={tradingLook(account.state)} /> {account.latched ? "stays halted until resumed" : ""}
        <span className="muted"> {plainReason(account.reasons.join("; "))}</span>
      </p>
      {isHalted ? (
        <p>
          {withdrawalText(account.withdrawals, sidesQuoted("*"))}{" "}
          <button type="button" onClick={() => openDialog.set({ kind: "resume", scope: "*" })}>
            Resume{"\u2026"}
          </button>
        </p>
      ) : null}
      <p className="muted small">
        Halts so far: {account.halt_sequence}. People needed for a resume: {account.resume_people}. Market events rejected without a symbol: {account.refusals_without_symbol}.
      </p>
    </div>
  );
}

function Limited({ rows }: { rows: readonly SymbolStatus[] }) {
  return (
    <ul className="state-list">
      {rows.map((row) => (
        <li key={row.key}>
          <a href={symbolHash(row.key)}>{row.symbol}</a> <StateWord look={tradingLook(row.risk?.own_state ?? null)} />
          <span className="muted">{plainReason(row.risk?.reasons.join("; ") ?? "")}</span>
          {row.risk?.own_state === "HALT" ? (
            <button type="button" onClick={() => openDialog.set({ kind: "resume", scope: row.key })}>
              Resume{"\u2026"}
            </button>
          ) : null}
        </li>
      ))}
    </ul>
  );
}
