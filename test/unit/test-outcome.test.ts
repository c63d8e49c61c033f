import { describe, expect, it } from "@jest/globals";
import { outcomeOf } from "../../tools/verbs/test/jest.ts";
import {
  cannotStart,
  lastLine,
  succeeded,
  tierOutcome,
  type Outcome,
} from "../../tools/verbs/test/outcome.ts";

const check: Outcome = { name: "tsc", passed: 1, failed: 0, skipped: 0, seconds: 2, remark: "" };

const results = {
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  numRuntimeErrorTestSuites: 0,
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
      seconds: 4,
      remark: "eslint failed",
    });
  });

  it("takes jest's own numbers", () => {
    expect(outcomeOf("unit", results, 3)).toMatchObject({ passed: 7, failed: 0, skipped: 2, seconds: 3 });
  });

  it("counts a file of tests that does not load as a failure", () => {
    expect(outcomeOf("unit", { ...results, numRuntimeErrorTestSuites: 2 }, 3)).toMatchObject({
      passed: 7,
      failed: 2,
      remark: "2 files did not load",
    });
  });
});
