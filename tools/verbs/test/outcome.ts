/** What one tier, or one check of it, came to. */
export interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  /** Not run, on purpose or for want of something. */
  readonly skipped: number;
  readonly seconds: number;
  /** One line for the table: why it failed, what was skipped. */
  readonly remark: string;
}

/** The line that ends a run. */
export function lastLine(outcomes: readonly Outcome[]): string {
  return `${String(sum(outcomes, "passed"))} passed, ${String(sum(outcomes, "failed"))} failed`;
}

export function succeeded(outcomes: readonly Outcome[]): boolean {
  return sum(outcomes, "passed") > 0 && sum(outcomes, "failed") === 0;
}

/** A tier as one outcome; with nothing executed it has failed, whatever the reason. */
export function tierOutcome(name: string, checks: readonly Outcome[]): Outcome {
  const passed = sum(checks, "passed");
  const failed = sum(checks, "failed");
  const remarks = checks.map(({ remark }) => remark).filter((remark) => remark !== "");
  const ran = passed + failed > 0;
  return {
    name,
    passed,
    failed: ran ? failed : 1,
    skipped: sum(checks, "skipped"),
    seconds: sum(checks, "seconds"),
    remark: [...(ran ? [] : ["nothing was executed"]), ...remarks].join("; "),
  };
}

/** Something that a tier needs could not be had. */
export function cannotStart(name: string, error: unknown): Outcome {
  const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return { name, passed: 0, failed: 1, skipped: 0, seconds: 0, remark: `could not start: ${reason}` };
}

function sum(outcomes: readonly Outcome[], key: "passed" | "failed" | "skipped" | "seconds"): number {
  return outcomes.reduce((total, outcome) => total + outcome[key], 0);
}
