// Changes with their authors, settings in force, and proposals awaiting a second person.
import { useWatched } from "../../app/external";
import { replaceRoute, route } from "../../app/location";
import { routeHash } from "../../app/routes";
import type { SettingsResponse } from "../../api/types";
import { useAsk } from "../../ui/useAsk";
import { AuditPanel } from "./AuditPanel";
import { ChangePanel } from "./ChangePanel";
import { ChangesPanel } from "./ChangesPanel";
import { ProposalsPanel } from "./ProposalsPanel";
import { SettingsPanel, settingsPath } from "./SettingsPanel";

const EVERY_MS = 5_000;

export function AuditPage() {
  const { query } = useWatched(route);
  const symbol = query["of"] ?? "";
  const settings = useAsk<SettingsResponse>(settingsPath(symbol), EVERY_MS);
  const chosen = settings.data?.settings.find((setting) => setting.key === query["setting"]) ?? null;
  const go = (of: string, key?: string) => replaceRoute(routeHash("audit", null, { ...(of ? { of } : {}), ...(key ? { setting: key } : {}) }));
  return (
    <div className="audit-page">
      <SettingsPanel asked={settings} chosen={chosen} symbol={symbol} onSymbol={(of) => go(of)} onChoose={(key) => go(symbol, key)} />
      <ChangePanel setting={chosen} key={chosen?.key} onSent={settings.again} />
      <ProposalsPanel />
      <ChangesPanel />
      <AuditPanel />
    </div>
  );
}
