import type { Setting, SettingsResponse } from "../../api/types";
import { grouped } from "../../format/numbers";
import { words } from "../../format/states";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import type { Asked } from "../../ui/useAsk";

interface SettingsPanelProps {
  asked: Asked<SettingsResponse>;
  chosen: Setting | null;
  onChoose: (key: string) => void;
}

export function SettingsPanel({ asked: { data, problem, again }, chosen, onChoose }: SettingsPanelProps) {
  return (
    <Panel id="settings" title="Settings" note={data ? `in force: ${data.config_hash.slice(0, 12)}` : null}>
      {problem && !data ? <Failure problem={problem} onRetry={again} /> : data ? <List settings={data.settings} chosen={chosen} onChoose={onChoose} /> : <Skeleton rows={18} />}
    </Panel>
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
              Default
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
  const [section = "", ...rest] = key.split(".");
  return [words(section), words(rest.join("."))];
}

function Row({ setting, isChosen, onChoose }: { setting: Setting; isChosen: boolean; onChoose: (key: string) => void }) {
  const [section, name] = settingName(setting.key);
  const isDefault = setting.value === setting.default;
  return (
    <tr data-setting={setting.key} aria-current={isChosen || undefined}>
      <th scope="row">
        <button type="button" className="quiet link" onClick={() => onChoose(setting.key)} title={setting.description}>
          <small>{section}</small> {name}
        </button>
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
