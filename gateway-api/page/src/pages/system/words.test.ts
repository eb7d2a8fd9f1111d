import { describe, expect, it } from "vitest";
import type { SystemProcess, SystemResponse } from "../../api/types";
import { otherCode, processNote } from "./words";

const process = (given: Partial<SystemProcess>): SystemProcess => ({
  name: "risk-service",
  state: "ok",
  because: null,
  said_age_ms: 400,
  inputs: 1,
  published: 1,
  age_ms: 3,
  lag: [],
  outbox_records: 0,
  outbox_age_ms: 0,
  starts: 1,
  began_ms: 0,
  session_began_ms: 0,
  code_version: "1",
  instance: "pod-1",
  store: null,
  disk: null,
  ...given,
});

describe("what stands beside a process's state", () => {
  it("is nothing where all is well", () => expect(processNote(process({}))).toBe(""));
  it("is the age of its silence, never what it said last", () => {
    expect(processNote(process({ state: "silent", because: "catching up", said_age_ms: 7_200 }))).toBe("silent for 7.2 s");
  });
  it("is why it is not ready", () => expect(processNote(process({ state: "not_ready", because: "catching up" }))).toBe("catching up"));
  it("is how it ended", () => expect(processNote(process({ state: "ended", because: "taken over", said_age_ms: 60_000 }))).toBe("60 s ago: taken over"));
  it("is that nobody heard of it", () => expect(processNote(process({ state: "missing", said_age_ms: null }))).toContain("never reported"));
  it("is the store that does not take what it writes", () => expect(processNote(process({ store: "away: timeout" }))).toBe("state store away: timeout"));
});

it("tells which processes run other code", () => {
  const system = { version: "1", processes: [process({}), process({ name: "order-router", code_version: "2" }), process({ name: "x", code_version: null })] };
  expect(otherCode(system as unknown as SystemResponse)).toEqual(["order-router: 2"]);
});
