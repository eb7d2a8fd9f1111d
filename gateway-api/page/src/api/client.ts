// REST: every error becomes a Refusal with the problem document, so that a panel can show the remedy.
import type { Problem } from "./types";

export const API = "/api/v1";

export class Refusal extends Error {
  readonly problem: Problem;
  readonly retry_after_s: number | null;

  constructor(problem: Problem, retryAfterS: number | null = null) {
    super(problem.detail);
    this.problem = problem;
    this.retry_after_s = retryAfterS;
  }
}

let onSignedOut: (problem: Problem) => void = () => undefined;

/** Called when any response is a 401. */
export function whenSignedOut(listener: (problem: Problem) => void): void {
  onSignedOut = listener;
}

function away(path: string): Problem {
  return {
    type: "about:blank",
    title: "No answer",
    status: 0,
    detail: "The gateway does not respond.",
    code: "gateway_away",
    hint: "Is the engine running? The page retries automatically.",
    instance: path,
  };
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "code" in value && "detail" in value;
}

async function problemOf(response: Response, path: string): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  if (isProblem(body)) return body;
  const detail = `${path} returned ${response.status} without a reason.`;
  return { ...away(path), title: response.statusText, status: response.status, detail, code: "unknown_error", hint: "" };
}

interface Ask {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** Resolves to the JSON of the response, which is not validated; throws a Refusal. */
export async function ask<Answer>(path: string, { method = "GET", body, idempotencyKey, signal }: Ask = {}): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey) headers["idempotency-key"] = idempotencyKey;
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;
  const response = await fetch(API + path, init).catch((error: unknown) => {
    if (signal?.aborted && signal.reason instanceof DOMException && signal.reason.name !== "TimeoutError") throw error;
    throw new Refusal(away(path));
  });
  if (response.ok) return (response.status === 204 ? null : await response.json()) as Answer;
  const problem = await problemOf(response, path);
  if (problem.code === "not_signed_in") onSignedOut(problem);
  const retryAfterS = Number(response.headers.get("retry-after"));
  throw new Refusal(problem, retryAfterS || null);
}

/** A query string without undefined values. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? "?" + text : "";
}

export const problemFrom = (error: unknown): Problem =>
  error instanceof Refusal ? error.problem : { ...away(""), code: "page_error", detail: String(error), hint: "" };

export function freshId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
