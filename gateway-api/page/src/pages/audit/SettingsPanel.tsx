import type { Setting, SettingsResponse } from "../../api/types";
import { grouped } from "../../format/numbers";
import { settingWords, words } from "../../format/labels";
import { plainKey } from "../../format/states";
import { useKeys } from "../../live/hooks";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import type { Asked } from "../../ui/useAsk";

interface SettingsPanelProps {
  asked: Asked<SettingsResponse>;
  chosen: Setting | null;
  /** Whose settings are listed; empty: the account-wide ones. */
  symbol: string;
  onSymbol: (symbol: string) => void;
  onChoose: (key: string) => void;
}

export const settingsPath = (symbol: string) => (symbol ? `/maker/settings?symbol=${encodeURIComponent(symbol)}` : "/maker/settings");

export function SettingsPanel({ asked: { data, problem, isLoading, again }, chosen, symbol, onSymbol, onChoose }: SettingsPanelProps) {
  return (
    <Panel id="settings" title="Settings" note={<SymbolChoice symbol={symbol} onSymbol={onSymbol} />}>
      {problem && !isLoading && data === null ? <Failure problem={problem} onRetry={again} /> : data ? <List settings={data.settings} chosen={chosen} onChoose={onChoose} /> : <Skeleton rows={18} />}
    </Panel>
  );
}

/** Account-wide, or one symbol. */
function SymbolChoice({ symbol, onSymbol }: { symbol: string; onSymbol: (symbol: string) => void }) {
  const symbols = [...new Set([...useKeys().map(plainKey), ...(symbol ? [symbol] : [])])];
  return (
    <select id="settings-of" aria-label="Whose settings" value={symbol} onChange={(event) => onSymbol(event.target.value)}>
      <option value="">All symbols</option>
      {symbols.map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}

function List({ settings, chosen, onChoose }: { settings: readonly Setting[]; chosen: Setting | null; onChoose: (key: string) => void }) {
  return (
    <Scroll label="Settings">
      <table className="mini settings-table">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col" className="number">
              In force
            </th>
            <th scope="col" className="number">
              Requested
            </th>
            <th scope="col" className="number wide">
              {settings[0]?.symbol ? "Account" : "Default"}
            </th>
            <th scope="col" className="wide">
              Kind
            </th>
            <th scope="col" className="wide">
              Changed
            </th>
          </tr>
        </thead>
        <tbody>
          {settings.map((setting) => (
            <Row key={setting.key} setting={setting} isChosen={setting.key === chosen?.key} onChoose={onChoose} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function settingName(key: string): [section: string, name: string] {
  const parts = key.split(".");
  const rest = parts[0] === "per_symbol" ? parts.slice(-2) : parts;
  return [words(rest[0] ?? ""), settingWords(rest.slice(1).join("."))];
}

function Row({ setting, isChosen, onChoose }: { setting: Setting; isChosen: boolean; onChoose: (key: string) => void }) {
  const [section, name] = settingName(setting.key);
  const isDefault = setting.symbol ? !setting.is_own : setting.value === setting.default;
  const owners = Object.keys(setting.own).length;
  return (
    <tr data-setting={setting.key} aria-current={isChosen || undefined}>
      <th scope="row">
        <button type="button" className="quiet link" onClick={() => onChoose(setting.key)} title={setting.description}>
          <small>{section}</small> {name}
        </button>
        {owners ? <small className="muted"> {owners} with an own value</small> : null}
      </th>
      <td className="number">
        <b className={isDefault ? "" : "bid"}>{grouped(setting.value)}</b>
      </td>
      <td className="number">{setting.pending === null ? <span className="muted">same</span> : <b className="warn">{grouped(setting.pending)}</b>}</td>
      <td className="number muted wide">{grouped(setting.default)}</td>
      <td className="muted wide">
        {setting.kind}, {setting.applies}
      </td>
      <td className="muted wide">
        {setting.changed_ms === null ? "" : <Clock atMs={setting.changed_ms} />} {setting.changed_by}
      </td>
    </tr>
  );
}
