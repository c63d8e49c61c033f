import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { repository } from "../../machine/lab-stack.ts";
import type { Outcome } from "./outcome.ts";
import { programEnvironment } from "./program.ts";

export interface JestRun {
  /** Folder below test/. */
  readonly folder: string;
  /** Only files whose path below that folder contains one of these; all when empty. */
  readonly only: readonly string[];
  /** One file after the other: what they share (Incus, two cores) bears no more. */
  readonly inBand: boolean;
  /** Seconds after which the run is stopped. */
  readonly limitSeconds: number;
}

const jest = fileURLToPath(new URL("node_modules/jest/bin/jest.js", repository));

/** Runs jest over a folder of tests; what it reports goes to standard error as it happens. */
export async function runJest(run: JestRun): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "veza-jest-"));
  const results = join(folder, "results.json");
  const started = performance.now();
  try {
    const ended = await execa(
      process.execPath,
      [
        "--experimental-vm-modules",
        "--no-warnings",
        jest,
        "--json",
        `--outputFile=${results}`,
        // Tests that share the machine wait for real servers; a test that knows its own limit states it.
        ...(run.inBand ? ["--runInBand", "--testTimeout", "120000"] : []),
        "--testPathPatterns",
        ...patterns(run),
      ],
      {
        cwd: fileURLToPath(repository),
        stdin: "ignore",
        stdout: "ignore",
        stderr: "inherit",
        timeout: run.limitSeconds * 1000,
        reject: false,
        env: programEnvironment(),
      },
    );
    const seconds = (performance.now() - started) / 1000;
    const stopped = ended.timedOut ? `stopped after its limit of ${String(run.limitSeconds)} s` : "";
    const text = await readFile(results, "utf8").catch(() => undefined);
    if (text === undefined) {
      const why =
        stopped || `jest ended with status ${String(ended.exitCode ?? ended.signal)} and no results`;
      return { name: run.folder, passed: 0, failed: 1, skipped: 0, seconds, remark: why };
    }
    const counted = outcomeOf(run.folder, JSON.parse(text), seconds);
    if (!ended.failed || counted.failed > 0) return counted;
    return {
      ...counted,
      failed: 1,
      remark: stopped || `jest ended with status ${String(ended.exitCode ?? ended.signal)}`,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function patterns({ folder, only }: JestRun): readonly string[] {
  return only.length === 0 ? [`/test/${folder}/`] : only.map((part) => `/test/${folder}/.*${part}`);
}

const jestResults = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
});

/** Reads what `jest --json` wrote. A file of tests that could not even be loaded is one failure. */
export function outcomeOf(name: string, results: unknown, seconds: number): Outcome {
  const counts = jestResults.parse(results);
  const broken = counts.numRuntimeErrorTestSuites;
  return {
    name,
    passed: counts.numPassedTests,
    failed: counts.numFailedTests + broken,
    skipped: counts.numPendingTests + counts.numTodoTests,
    seconds,
    remark: broken === 0 ? "" : `${String(broken)} files did not load`,
  };
}
