// The route, watched; every change of it goes through the address.
import { Watched } from "./external";
import { parseRoute, type Route } from "./routes";

export const route = new Watched<Route>(parseRoute(location.hash));

window.addEventListener("hashchange", () => route.set(parseRoute(location.hash)));

export function go(hash: string): void {
  location.hash = hash;
}

/** Without an entry in the history of the browser: for positions that move. */
export function replaceRoute(hash: string): void {
  history.replaceState(null, "", hash);
  route.set(parseRoute(hash));
}
