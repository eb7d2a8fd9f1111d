// The URL holds the state: #/symbol/venue:BTC%2FUSDT, #/replay?at=...&symbol=...

export const PAGES = ["overview", "symbol", "risk", "pnl", "replay", "system", "audit"] as const;
export type Page = (typeof PAGES)[number];

export const PAGE_TITLES: Record<Page, string> = {
  overview: "Overview",
  symbol: "Symbol",
  risk: "Risk",
  pnl: "PnL",
  replay: "Incidents",
  system: "System",
  audit: "Audit & config",
};

export interface Route {
  page: Page;
  /** `venue:symbol` of the symbol page. */
  key: string | null;
  query: Record<string, string>;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const isPage = (name: string | undefined): name is Page => PAGES.some((page) => page === name);

export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name, key] = path.split("/", 2);
  return {
    page: isPage(name) ? name : "overview",
    key: key ? decoded(key) : null,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

export function routeHash(page: Page, key: string | null = null, query: Record<string, string> = {}): string {
  const path = key === null ? page : `${page}/${encodeURIComponent(key)}`;
  const search = new URLSearchParams(query).toString();
  return `#/${path}${search ? "?" + search : ""}`;
}

export const symbolHash = (key: string) => routeHash("symbol", key);

/** The incident page half a minute before a time, to show the causes. */
export function replayHash(atMs: number, key: string): string {
  const query: Record<string, string> = { at: String(Math.round(atMs)) };
  if (!key.startsWith("*")) query["symbol"] = key;
  return routeHash("replay", null, query);
}
