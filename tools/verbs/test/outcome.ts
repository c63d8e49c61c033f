/** What one tier, or one check of it, came to. */
export interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  /** Not run, on purpose or for want of something. */
  readonly skipped: number;
  /** One line for the table: why it failed, what was skipped. */
  readonly remark: string;
  /** How long each of its parts took, in no order. */
  readonly parts: readonly Part[];
}

/** A check, or a file of tests. */
export interface Part {
  readonly name: string;
  readonly seconds: number;
}

/** The line that ends a run. */
export function lastLine(outcomes: readonly Outcome[]): string {
  return `${String(sum(outcomes, "passed"))} passed, ${String(sum(outcomes, "failed"))} failed`;
}

export function succeeded(outcomes: readonly Outcome[]): boolean {
  return sum(outcomes, "passed") > 0 && sum(outcomes, "failed") === 0;
}

/** Several outcomes as one of a tier; with nothing executed it has failed, whatever the reason. */
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
    remark: [...(ran ? [] : ["nothing was executed"]), ...remarks].join("; "),
    parts: checks.flatMap(({ parts }) => parts),
  };
}

/** Something that a tier needs could not be had. */
export function cannotStart(name: string, error: unknown): Outcome {
  const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return { name, passed: 0, failed: 1, skipped: 0, remark: `could not start: ${reason}`, parts: [] };
}

/** The five slowest parts, slowest first: where somebody who finds a tier slow looks. */
export function slowest({ parts }: Outcome): string {
  const ordered = [...parts].sort((a, b) => b.seconds - a.seconds).slice(0, 5);
  return `slowest: ${ordered.map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(", ")}`;
}

function sum(outcomes: readonly Outcome[], key: "passed" | "failed" | "skipped"): number {
  return outcomes.reduce((total, outcome) => total + outcome[key], 0);
}
