// Which dialog is open: one at a time, opened from anywhere.
import { Watched } from "../app/external";

/** Of the kill switch. */
export type KillAction = "halt" | "halt_flatten" | "stop" | "flatten";

type OpenDialog =
  | { kind: "halt"; scope: string; action?: KillAction }
  | { kind: "resume"; scope: string }
  | { kind: "approve-flatten"; scope: string }
  | { kind: "remove"; scope: string }
  | { kind: "start" }
  | { kind: "start-all" }
  | { kind: "help" }
  | { kind: "acknowledge"; alertId: string };

export const openDialog = new Watched<OpenDialog | null>(null);

export const closeDialog = () => openDialog.set(null);
