// The note next to a process's state, and processes running different code.
import type { SystemProcess, SystemResponse } from "../../api/types";
import { ageText } from "../../format/times";

/** Why it is not ready, or how long it has been silent. */
export function processNote(process: SystemProcess): string {
  const age = process.said_age_ms === null ? null : ageText(process.said_age_ms);
  switch (process.state) {
    case "silent":
      return age === null ? "silent" : `silent for ${age}`;
    case "missing":
      return "expected, but never reported";
    case "ended":
      return `${age} ago${process.because ? `: ${process.because}` : ""}`;
    case "not_ready":
      return process.because ?? "";
    default:
      return process.store && process.store !== "live" ? `state store ${process.store}` : "";
  }
}

/** Processes running a different code version from the gateway's, with that version. */
export function otherCode(system: SystemResponse): string[] {
  return system.processes.filter((each) => each.code_version && each.code_version !== system.version && each.state !== "ended").map((each) => `${each.name}: ${each.code_version}`);
}
