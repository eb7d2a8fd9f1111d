// Which dialog is open: one at a time, opened from anywhere.
import { Watched } from "../app/external";

type OpenDialog =
  | { kind: "halt"; scope: string }
  | { kind: "resume"; scope: string }
  | { kind: "remove"; scope: string }
  | { kind: "start-all" }
  | { kind: "help" }
  | { kind: "acknowledge"; alertId: string };

export const openDialog = new Watched<OpenDialog | null>(null);

export const closeDialog = () => openDialog.set(null);
