// User preferences of this browser.
import type { Zone } from "../format/times";
import { Watched } from "./external";

export type Theme = "system" | "dark" | "light";

interface Preferences {
  theme: Theme;
  zone: Zone;
  singleKeys: boolean;
}

const STORED_AS = "maker.preferences";
const DEFAULTS: Preferences = { theme: "system", zone: "utc", singleKeys: true };

function load(): Preferences {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED_AS) ?? "{}");
    return { ...DEFAULTS, ...(stored as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

export const preferences = new Watched<Preferences>(load());

export function prefer(change: Partial<Preferences>): void {
  preferences.set({ ...preferences.get(), ...change });
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(preferences.get()));
  } catch {
    // Without storage they last until the page is closed.
  }
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

export const shownTheme = new Watched<"dark" | "light">("dark");

function showTheme(): void {
  const { theme } = preferences.get();
  const shown = theme === "system" ? (prefersDark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset["theme"] = shown;
  shownTheme.set(shown);
}

preferences.subscribe(showTheme);
prefersDark.addEventListener("change", showTheme);
showTheme();

export const nextTheme = () => prefer({ theme: shownTheme.get() === "dark" ? "light" : "dark" });
export const nextZone = () => prefer({ zone: preferences.get().zone === "utc" ? "local" : "utc" });
