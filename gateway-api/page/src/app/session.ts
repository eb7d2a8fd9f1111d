// The signed-in user. Any 401 response ends the session here; the page then shows the sign-in.
import { ask, problemFrom, Refusal, whenSignedOut } from "../api/client";
import { whoMay } from "../api/permissions";
import type { Permission, Problem, Session, SignInWay } from "../api/types";
import { useWatched, Watched } from "./external";

type SessionState =
  | { kind: "asking" }
  | { kind: "in"; session: Session }
  | { kind: "out"; way: SignInWay; problem: Problem | null; because: string }
  | { kind: "away"; problem: Problem };

const KEEP_ALIVE_MS = 120_000;
const USED_WITHIN_MS = 600_000;

export const sessionState = new Watched<SessionState>({ kind: "asking" });

let usedAt = 0;
for (const name of ["pointerdown", "keydown", "wheel"]) {
  window.addEventListener(name, () => (usedAt = Date.now()), { passive: true, capture: true });
}

function enter(session: Session): void {
  usedAt = Date.now();
  sessionState.set({ kind: "in", session });
}

const ENDED = "The session has ended: it expired, was ended elsewhere, or the engine was started anew.";
const LEFT = "You signed out.";
let isLeaving = false;

whenSignedOut((problem) => {
  const before = sessionState.get();
  const because = before.kind === "out" ? before.because : before.kind !== "in" ? "" : isLeaving ? LEFT : ENDED;
  sessionState.set({ kind: "out", way: problem.sign_in ?? "users", problem: null, because });
});

/** Fetches the signed-in user; an unreachable gateway leaves an existing session alone. */
export async function refreshSession(): Promise<void> {
  try {
    const session = await ask<Session>("/session");
    sessionState.set({ kind: "in", session });
  } catch (error) {
    const isAway = !(error instanceof Refusal) || error.problem.code !== "not_signed_in";
    if (isAway && sessionState.get().kind !== "in") sessionState.set({ kind: "away", problem: problemFrom(error) });
  }
}

export type Credentials = { code: string } | { name: string; password: string; second_factor?: string };

/** Resolves to null, or to the error. */
export async function signIn(credentials: Credentials): Promise<Refusal | null> {
  try {
    enter(await ask<Session>("/session", { method: "POST", body: credentials }));
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

export async function signOut(): Promise<void> {
  isLeaving = true;
  try {
    await ask("/session", { method: "DELETE" });
  } finally {
    await refreshSession();
    isLeaving = false;
  }
}

/** The URL printed by the engine signs in automatically once; the code is then removed from it. */
export async function beginSession(): Promise<void> {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (!code) return refreshSession();
  history.replaceState(null, "", location.pathname);
  const refusal = await signIn({ code });
  if (!refusal) return;
  await refreshSession();
  const state = sessionState.get();
  if (state.kind === "out") sessionState.set({ ...state, problem: refusal.problem });
}

/** The address with a code may also be pasted while the page is open. */
window.addEventListener("hashchange", () => {
  if (location.hash.startsWith("#code=")) void beginSession();
});

/** A page in use stays signed in: the server renews active sessions. */
export function keepSessionAlive(): () => void {
  const timer = setInterval(() => {
    const isUsed = document.visibilityState === "visible" && Date.now() - usedAt < USED_WITHIN_MS;
    if (isUsed && sessionState.get().kind === "in") void refreshSession();
  }, KEEP_ALIVE_MS);
  return () => clearInterval(timer);
}

interface Right {
  allowed: boolean;
  /** Who has the permission, where the user does not. */
  because: string;
}

export function useRight(permission: Permission): Right {
  const state = useWatched(sessionState);
  const allowed = state.kind === "in" && state.session.permissions.includes(permission);
  return { allowed, because: allowed ? "" : whoMay(permission) };
}

export function useSession(): Session | null {
  const state = useWatched(sessionState);
  return state.kind === "in" ? state.session : null;
}
