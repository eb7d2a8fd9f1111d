import { prefer, preferences, type Theme } from "../app/preferences";
import { useWatched } from "../app/external";
import { KEY_HELP } from "../app/keyboard";
import { Dialog } from "../ui/Dialog";
import { closeDialog } from "./dialogs";

const THEMES: readonly Theme[] = ["system", "dark", "light"];

export function HelpDialog() {
  return (
    <Dialog id="help-dialog" title="Help" onClose={closeDialog} className="wide">
      <Settings />
      <h3>Keyboard</h3>
      <dl className="keys">
        {KEY_HELP.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <div className="buttons">
        <button type="button" onClick={closeDialog}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function Settings() {
  const { theme, singleKeys, zone } = useWatched(preferences);
  return (
    <fieldset className="settings-row">
      <legend>This browser</legend>
      <label className="choice">
        <input type="checkbox" id="single-keys" checked={singleKeys} onChange={(event) => prefer({ singleKeys: event.target.checked })} />
        <span>Single-key shortcuts</span>
      </label>
      <label className="choice">
        <input type="checkbox" checked={zone === "local"} onChange={(event) => prefer({ zone: event.target.checked ? "local" : "utc" })} />
        <span>Local time instead of UTC</span>
      </label>
      <label className="choice">
        <span>Theme</span>
        <select value={theme} onChange={(event) => prefer({ theme: event.target.value as Theme })}>
          {THEMES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    </fieldset>
  );
}
