import Table from "cli-table3";
import { labConfig } from "../machine/lab-stack.ts";
import { projectsWhere, removeProjects } from "../machine/projects.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Progress } from "../progress.ts";
import { withFileLock } from "../toolchain/file-lock.ts";
import { ensureToolchain } from "../toolchain/index.ts";
import { bundle, setUpIncus } from "./lab.ts";
import { runJest } from "./test/jest.ts";
import { lint } from "./test/lint.ts";
import { cannotStart, lastLine, succeeded, tierOutcome, type Outcome } from "./test/outcome.ts";

interface Tier {
  readonly name: string;
  /** Also run when no tier is named. */
  readonly isUsual: boolean;
  /** Has what its tests need. */
  readonly prepare: (progress: Progress) => Promise<void>;
  readonly run: (progress: Progress, only: readonly string[]) => Promise<readonly Outcome[]>;
  /** A file that is locked meanwhile, on the whole machine. @default none */
  readonly lock?: string;
}

const nothing = (): Promise<void> => Promise.resolve();

const tiers: readonly Tier[] = [
  { name: "lint", isUsual: true, prepare: nothing, run: lint },
  jestTier("unit", { inBand: false, limitSeconds: 600 }, nothing),
  jestTier("program", { inBand: false, limitSeconds: 600 }, nothing),
  jestTier("tools", { inBand: true, limitSeconds: 1800 }, async (progress) => {
    await ensureToolchain(progress);
  }),
  alone(jestTier("lab", { inBand: true, limitSeconds: 5400 }, prepareIncus)),
  alone({ ...jestTier("soak", { inBand: true, limitSeconds: 4 * 3600 }, prepareIncus), isUsual: false }),
];

/** `npm test [TIER [PART…]]`: PART names a check, or a part of a test file's path. */
export async function test(words: readonly string[], progress: Progress): Promise<number> {
  const [name, ...only] = words;
  const chosen = tiers.filter((tier) => (name === undefined ? tier.isUsual : tier.name === name));
  if (chosen.length === 0) {
    const names = tiers.map((tier) => tier.name).join(", ");
    throw new SetupError(`there is no tier ${name ?? ""}; there are: ${names}`);
  }
  const outcomes: Outcome[] = [];
  for (const tier of chosen) outcomes.push(await runTier(tier, progress, only));
  progress.say(summary(outcomes));
  progress.say(lastLine(outcomes));
  return succeeded(outcomes) ? 0 : 1;
}

async function runTier(tier: Tier, progress: Progress, only: readonly string[]): Promise<Outcome> {
  progress.say(`\n── ${tier.name}`);
  const run = async (): Promise<Outcome> => {
    await tier.prepare(progress);
    return tierOutcome(tier.name, await tier.run(progress, only));
  };
  const waiting = (): void => {
    progress.say(`waiting for another run of these tests on this machine (${tier.lock ?? ""})`);
  };
  try {
    return await (tier.lock === undefined ? run() : withFileLock(tier.lock, waiting, run));
  } catch (error) {
    progress.say(error instanceof SetupError ? error.message : String(error));
    return cannotStart(tier.name, error);
  }
}

function jestTier(
  name: string,
  run: { readonly inBand: boolean; readonly limitSeconds: number },
  prepare: Tier["prepare"],
): Tier {
  return {
    name,
    isUsual: true,
    prepare,
    run: async (_progress, only) => [await runJest({ folder: name, only, ...run })],
  };
}

/** Tests on real Incus share its addresses, and each run removes what an earlier one left. */
function alone(tier: Tier): Tier {
  return { ...tier, lock: "/run/lock/veza-edge-tests.lock" };
}

/** Tests of one room, and stacks that tests deploy (`lab-t-…`). Never the lab itself. */
const testProject = /^veza-(test|lab-t)-/;

async function prepareIncus(progress: Progress): Promise<void> {
  await bundle(progress);
  await ensureToolchain(progress);
  await setUpIncus(labConfig(), progress);
  // What a run that was killed left behind would hold addresses that the tests want.
  const left = await projectsWhere((name) => testProject.test(name));
  if (left.length === 0) return;
  await progress.step("Leftovers of an earlier run", async (note) => {
    await removeProjects(left);
    note(`removed ${left.join(", ")}`);
  });
}

function summary(outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: ["tier", "passed", "failed", "skipped", "time", ""],
    colAligns: ["left", "right", "right", "right", "right", "left"],
    style: { head: [], border: [] },
  });
  for (const { name, passed, failed, skipped, seconds, remark } of outcomes) {
    table.push([name, passed, failed, skipped, `${seconds.toFixed(0)} s`, remark]);
  }
  return `\n${table.toString()}`;
}
