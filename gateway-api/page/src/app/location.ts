// The current route; every change goes through the URL.
import { Watched } from "./external";
import { parseRoute, type Route } from "./routes";

export const route = new Watched<Route>(parseRoute(location.hash));

window.addEventListener("hashchange", () => route.set(parseRoute(location.hash)));

export function go(hash: string): void {
  location.hash = hash;
}

/** Without a browser history entry: for moving positions. */
export function replaceRoute(hash: string): void {
  history.replaceState(null, "", hash);
  route.set(parseRoute(hash));
}
