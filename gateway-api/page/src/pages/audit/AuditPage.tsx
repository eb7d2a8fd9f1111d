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
import { SettingsPanel } from "./SettingsPanel";

const EVERY_MS = 5_000;

export function AuditPage() {
  const { query } = useWatched(route);
  const settings = useAsk<SettingsResponse>("/maker/settings", EVERY_MS);
  const chosen = settings.data?.settings.find((setting) => setting.key === query["setting"]) ?? null;
  const choose = (key: string) => replaceRoute(routeHash("audit", null, { setting: key }));
  return (
    <div className="audit-page">
      <SettingsPanel asked={settings} chosen={chosen} onChoose={choose} />
      <ChangePanel setting={chosen} key={chosen?.key} onSent={settings.again} />
      <ProposalsPanel />
      <ChangesPanel />
      <AuditPanel />
    </div>
  );
}
