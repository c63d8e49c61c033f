import { describe, expect, it } from "@jest/globals";
import { saysUnchanged } from "../../src/ops/pulumi/event-log.ts";

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
});
