import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { repository } from "../../machine/lab-stack.ts";
import type { Outcome } from "./outcome.ts";
import { programEnvironment } from "./program.ts";

export interface JestRun {
  readonly name: string;
  /** Regular expressions of which a file's path has to match one. */
  readonly patterns: readonly string[];
  /** One file after the other: what they share bears no more. Otherwise as many at a time as there are cores. */
  readonly inBand: boolean;
  /** Tests in other lanes run at the same time; they find the number in VEZA_TEST_LANE. @default 0 */
  readonly lane?: number;
  /** Seconds that a test may take which states no limit of its own. */
  readonly testSeconds: number;
  /** Seconds after which the run is stopped. */
  readonly limitSeconds: number;
}

const root = fileURLToPath(repository);
const jest = join(root, "node_modules/jest/bin/jest.js");
const signOfLife = fileURLToPath(new URL("sign-of-life.ts", import.meta.url));

/** Runs jest over files of tests; what it reports goes to standard error as it happens. */
export async function runJest(run: JestRun): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "veza-jest-"));
  const results = join(folder, "results.json");
  try {
    const ended = await execa(
      process.execPath,
      [
        "--experimental-vm-modules",
        "--no-warnings",
        jest,
        "--json",
        `--outputFile=${results}`,
        "--reporters=default",
        `--reporters=${signOfLife}`,
        run.inBand ? "--runInBand" : "--maxWorkers=100%",
        `--testTimeout=${String(run.testSeconds * 1000)}`,
        "--testPathPatterns",
        ...run.patterns,
      ],
      {
        cwd: root,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "inherit",
        timeout: run.limitSeconds * 1000,
        reject: false,
        env: { ...programEnvironment(), VEZA_TEST_LANE: String(run.lane ?? 0) },
      },
    );
    const stopped = ended.timedOut ? `stopped after its limit of ${String(run.limitSeconds)} s` : "";
    const text = await readFile(results, "utf8").catch(() => undefined);
    const why = stopped || `jest ended with status ${String(ended.exitCode ?? ended.signal)}`;
    if (text === undefined) {
      const remark = stopped || `${why} and no results`;
      return { name: run.name, passed: 0, failed: 1, skipped: 0, remark, parts: [] };
    }
    const counted = outcomeOf(run.name, JSON.parse(text));
    if (!ended.failed || counted.failed > 0) return counted;
    return { ...counted, failed: 1, remark: why };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const jestResults = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
  /** Times in milliseconds since 1970. */
  testResults: z.array(z.object({ name: z.string(), startTime: z.number(), endTime: z.number() })),
});

/** Reads what `jest --json` wrote. A file of tests that could not even be loaded is one failure. */
export function outcomeOf(name: string, results: unknown): Outcome {
  const counts = jestResults.parse(results);
  const broken = counts.numRuntimeErrorTestSuites;
  return {
    name,
    passed: counts.numPassedTests,
    failed: counts.numFailedTests + broken,
    skipped: counts.numPendingTests + counts.numTodoTests,
    remark: broken === 0 ? "" : `${String(broken)} files did not load`,
    parts: counts.testResults.map((file) => ({
      name: basename(file.name),
      seconds: (file.endTime - file.startTime) / 1000,
    })),
  };
}
