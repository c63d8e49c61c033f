import { describe, expect, it } from "@jest/globals";
import { failedSteps, saysUnchanged } from "../../src/ops/pulumi/event-log.ts";

const prelude = { preludeEvent: { config: {} } };
const step = (op: string): object => ({ resourcePreEvent: { metadata: { op, urn: "urn:…", type: "t" } } });
const summary = (changes: Record<string, number>): object => ({
  summaryEvent: { maybeCorrupt: false, durationSeconds: 2, resourceChanges: changes },
});
const log = (...events: object[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join("");

describe("the log of an update", () => {
  it("says that nothing changed when it ended and every resource is as it was", () => {
    expect(saysUnchanged(log(prelude, step("same"), step("same"), summary({ same: 2 })))).toBe(true);
  });

  it.each([
    ["a resource was changed", log(prelude, step("same"), step("update"), summary({ same: 1, update: 1 }))],
    ["one was read again", log(prelude, step("refresh"), step("same"), summary({ same: 1 }))],
    ["one was removed", log(prelude, step("delete"), summary({ delete: 1 }))],
    ["it did not come to an end", log(prelude, step("same"))],
    ["there is none", ""],
  ])("does not say so when %s", (_, text) => {
    expect(saysUnchanged(text)).toBe(false);
  });

  const error = (message: string, urn?: string): object => ({
    diagnosticEvent: { severity: "error", prefix: "error: ", message, ...(urn === undefined ? {} : { urn }) },
  });
  const command = "urn:pulumi:lab::veza-edge::veza:edge:Edge$command:local:Command::haproxy-config-apply";

  it("tells what steps said that failed, without how they were run", () => {
    const said = 'exit status 1: running "timeout 5 bash -s apply":\nhaproxy: no\n[ALERT] line 3\n\n';
    const heard = { diagnosticEvent: { severity: "info", message: "haproxy: no\n", urn: command } };
    expect(failedSteps(log(step("update"), heard, error(said, command), error("update failed\n")))).toEqual([
      "✗ haproxy-config-apply: haproxy: no\n  [ALERT] line 3",
    ]);
  });

  it("tells the end of a long one, and why one failed that said nothing", () => {
    const long = Array.from({ length: 40 }, (_, n) => `line ${String(n)}`).join("\n");
    const silent = 'exit status 124: running "sleep":\n';
    const [first = "", second] = failedSteps(
      log(error(`exit status 1: running "x":\n${long}`, command), error(silent, command)),
    );
    expect([first.split("\n").length, first.endsWith("\n  line 39")]).toEqual([12, true]);
    expect(second).toBe('✗ haproxy-config-apply: exit status 124: running "sleep":');
  });

  it("tells nothing where it was the program that failed: its words are the last", () => {
    const stack = "urn:pulumi:lab::veza-edge::pulumi:pulumi:Stack::veza-edge-lab";
    expect(failedSteps(log(error("Pulumi.lab.yaml has 2 mistakes", stack)))).toEqual([]);
  });
});
