import { closeDialog, openDialog } from "./dialogs";
import { useWatched } from "../app/external";
import { route } from "../app/location";
import { nextTheme, nextZone, shownTheme } from "../app/preferences";
import { PAGE_TITLES, PAGES, routeHash, type Page } from "../app/routes";
import { signOut } from "../app/session";
import { zoneText } from "../format/times";
import { useIsAway } from "../live/away";
import { useHeld } from "../live/hooks";
import { live } from "../live/store";
import { Icon } from "../ui/Icon";
import { useZone } from "../ui/time";
import { lastSymbol } from "./lastSymbol";

export function Nav() {
  const { page } = useWatched(route);
  return (
    <div className="nav">
      <h1>Market maker</h1>
      <nav aria-label="Pages">
        {PAGES.map((each) => (
          <a key={each} href={hashOf(each)} aria-current={each === page ? "page" : undefined}>
            {PAGE_TITLES[each]}
          </a>
        ))}
      </nav>
      <span className="spacer" />
      <Tools />
    </div>
  );
}

const hashOf = (page: Page) => routeHash(page, page === "symbol" ? lastSymbol() : null);

function Tools() {
  const isHeld = useHeld();
  const isAway = useIsAway();
  const zone = useZone();
  const theme = useWatched(shownTheme);
  return (
    <div className="tools">
      <button type="button" aria-pressed={isHeld} onClick={() => live.setHeld(!isHeld)} title="Freeze moving data (Space); halts and alerts continue">
        <Icon shape={isHeld ? "square" : isAway ? "ring" : "circle"} tone={isHeld ? "warn" : isAway ? "calm" : "good"} /> {isHeld ? "Held" : isAway ? "Away" : "Live"}
      </button>
      <button type="button" onClick={nextZone} title="UTC or local time (u)">
        {zoneText(zone)}
      </button>
      <button type="button" onClick={nextTheme} title="Dark or light (t)">
        {theme === "dark" ? "Light" : "Dark"}
      </button>
      <button type="button" id="help-button" aria-label="Help and keyboard" onClick={() => openDialog.set({ kind: "help" })}>
        ?
      </button>
      <button type="button" onClick={() => void signOut().then(closeDialog)}>
        Sign out
      </button>
    </div>
  );
}
