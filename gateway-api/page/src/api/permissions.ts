// Permissions by role, for display only: the server enforces them.
import type { Permission } from "./types";

const HOLDERS: Record<Permission, string> = {
  view: "every role",
  pnl: "viewer, trader or risk",
  start: "trader",
  stop: "trader, risk or service",
  flatten: "trader",
  approve_flatten: "risk",
  halt: "trader, risk, admin or service",
  resume_request: "trader or risk",
  resume: "risk",
  tighten: "trader or risk",
  loosen_propose: "trader or risk",
  loosen: "risk",
  parameters: "trader",
  override_request: "trader",
  override_approve: "risk",
  adjust_propose: "trader or risk",
  adjust: "risk",
  acknowledge: "trader or risk",
  audit: "trader, risk or admin",
  export: "trader or risk",
  users: "admin",
};

export const whoMay = (permission: Permission) => `Requires the role ${HOLDERS[permission]}.`;
