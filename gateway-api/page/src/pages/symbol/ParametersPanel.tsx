// The settings for quotes of this symbol, and its contract.
import type { Detail, Setting, SettingsResponse, SymbolStatus } from "../../api/types";
import { routeHash } from "../../app/routes";
import { grouped } from "../../format/numbers";
import { settingWords, words } from "../../format/labels";
import { useMoment } from "../../ui/moment";
import { Facts, type Fact } from "../../ui/Facts";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { useAsk } from "../../ui/useAsk";
import { settingsPath } from "../audit/SettingsPanel";

const EVERY_MS = 10_000;
const SECTIONS = ["market_making", "pricing", "inventory", "risk_limits"];

export function ParametersPanel({ status, detail }: { status: SymbolStatus; detail: Detail | null }) {
  const { isReplay } = useMoment();
  const { data, problem, again } = useAsk<SettingsResponse>(isReplay ? null : settingsPath(status.symbol), EVERY_MS);
  return (
    <Panel id="parameters" title="Parameters" note={isReplay ? null : <a href={routeHash("audit", null, { of: status.symbol })}>change</a>}>
      {isReplay ? (
        <Empty>The settings at that time are in the events of the lanes human and system.</Empty>
      ) : problem && !data ? (
        <Failure problem={problem} onRetry={again} />
      ) : data ? (
        <Scroll label="Parameters" className="pad">
          <Facts facts={[...data.settings.filter(isShown).map(factOf), ...contract(detail), ...counters(status)]} />
        </Scroll>
      ) : (
        <Skeleton rows={8} />
      )}
    </Panel>
  );
}

const isShown = (setting: Setting) => setting.is_own || SECTIONS.includes(setting.key.split(".").at(-2) ?? "");

function factOf(setting: Setting): Fact {
  const name = settingWords(setting.key.split(".").at(-1) ?? setting.key);
  const own = setting.is_own ? `own, account ${grouped(setting.default)}, ` : "";
  const value = setting.pending === null ? grouped(setting.value) : `${grouped(setting.value)} \u2192 ${grouped(setting.pending)}`;
  return [setting.is_own ? `${name} (own)` : name, value, `${own}${setting.key}, ${setting.unit}`];
}

function contract(detail: Detail | null): Fact[] {
  const known = detail?.contract;
  if (!known) return [];
  return [
    ["tick", known.tick_size],
    ["lot", known.lot_size],
    ["maker fee", `${known.maker_fee_bps} bps`],
    ["contract", known.contract_kind],
  ];
}

function counters({ activity }: SymbolStatus): Fact[] {
  const names = ["orders", "amends", "cancels", "rejects", "denials", "halts", "refused_events", "books_conflated"] as const;
  return names.map((name) => [words(name), grouped(String(activity[name]))]);
}
