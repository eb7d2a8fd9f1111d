import { useEffect } from "react";
import { useWatched } from "../app/external";
import { route } from "../app/location";
import { PAGE_TITLES } from "../app/routes";
import { useAlerts, useConnection } from "../live/hooks";
import { useStateLook } from "./Strip";
import { iconOf, titleOf } from "./tab";

export function useTab(): void {
  const look = useStateLook();
  const alerts = useAlerts();
  const { connected } = useConnection();
  const { page, key } = useWatched(route);
  const open = alerts.filter((alert) => alert.severity !== "info" && alert.acknowledged_by === null).length;
  const word = connected || look.word === "CONNECTING" ? look.word : "DISCONNECTED";
  const tone = !connected || (open && look.tone === "good") ? "warn" : look.tone;
  useEffect(() => {
    document.title = titleOf(word, open, key ?? PAGE_TITLES[page]);
  }, [word, open, page, key]);
  useEffect(() => {
    document.getElementById("favicon")?.setAttribute("href", iconOf(tone));
  }, [tone]);
}
