import { describe, expect, it } from "@jest/globals";
import { outcomeOf } from "../../tools/verbs/test/jest.ts";
import {
  cannotStart,
  lastLine,
  slowest,
  succeeded,
  tierOutcome,
  type Outcome,
} from "../../tools/verbs/test/outcome.ts";

const check: Outcome = {
  name: "tsc",
  passed: 1,
  failed: 0,
  skipped: 0,
  remark: "",
  parts: [{ name: "tsc", seconds: 2 }],
};

const results = {
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 0,
  testResults: [{ name: "/a/test/unit/load.test.ts", startTime: 1_000, endTime: 3_500 }],
};

describe("the outcome of a test run", () => {
  it("is one line over all tiers", () => {
    const unit = { ...check, name: "unit", passed: 40, failed: 2 };
    expect(lastLine([check, unit])).toBe("41 passed, 2 failed");
    expect(succeeded([check, unit])).toBe(false);
    expect(succeeded([check])).toBe(true);
  });

  it("counts a tier that executed nothing as failed", () => {
    const skipped = { ...check, passed: 0, skipped: 3 };
    expect(tierOutcome("unit", [skipped])).toMatchObject({
      passed: 0,
      failed: 1,
      skipped: 3,
      remark: "nothing was executed",
    });
    expect(tierOutcome("unit", [])).toMatchObject({ failed: 1 });
    expect(succeeded([])).toBe(false);
  });

  it("counts a tier that could not start as failed, with the reason's first line", () => {
    const outcome = cannotStart("lab", new Error("Incus does not answer\n  more about it"));
    expect(outcome).toMatchObject({ failed: 1, remark: "could not start: Incus does not answer" });
  });

  it("adds up the checks of a tier", () => {
    const failing = { ...check, name: "eslint", passed: 0, failed: 1, remark: "eslint failed" };
    expect(tierOutcome("lint", [check, failing])).toEqual({
      name: "lint",
      passed: 1,
      failed: 1,
      skipped: 0,
      remark: "eslint failed",
      parts: [...check.parts, ...check.parts],
    });
  });

  it("takes jest's own numbers", () => {
    expect(outcomeOf("unit", results)).toEqual({
      name: "unit",
      passed: 7,
      failed: 0,
      skipped: 2,
      remark: "",
      parts: [{ name: "load.test.ts", seconds: 2.5 }],
    });
  });

  it("counts a file of tests that does not load as a failure", () => {
    expect(outcomeOf("unit", { ...results, numRuntimeErrorTestSuites: 2 })).toMatchObject({
      passed: 7,
      failed: 2,
      remark: "2 files did not load",
    });
  });

  it("names the five slowest parts, slowest first", () => {
    const parts = [3, 1, 6, 2, 5, 4].map((seconds) => ({ name: `part-${String(seconds)}`, seconds }));
    expect(slowest({ ...check, parts })).toBe(
      "slowest: part-6 6 s, part-5 5 s, part-4 4 s, part-3 3 s, part-2 2 s",
    );
  });
});
