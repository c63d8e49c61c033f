import Table from "cli-table3";
import { labConfig } from "../machine/lab-stack.ts";
import { browser, ensurePrograms } from "../machine/programs.ts";
import { projectsWhere, removeProjects } from "../machine/projects.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Progress } from "../progress.ts";
import { withFileLock } from "../toolchain/file-lock.ts";
import { ensureToolchain } from "../toolchain/index.ts";
import { bundle, setUpIncus } from "./lab.ts";
import { groupsOf, sideBySide, testFiles } from "./test/groups.ts";
import { runJest, type JestRun } from "./test/jest.ts";
import { lint } from "./test/lint.ts";
import { cannotStart, lastLine, slowest, succeeded, tierOutcome, type Outcome } from "./test/outcome.ts";

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

type JestChoices = Pick<JestRun, "inBand" | "testSeconds" | "limitSeconds">;

const alone: JestChoices = { inBand: true, testSeconds: 120, limitSeconds: 4 * 3600 };

const tiers: readonly Tier[] = [
  { name: "lint", isUsual: true, prepare: nothing, run: lint },
  jestTier("unit", { inBand: false, testSeconds: 30, limitSeconds: 600 }),
  jestTier("program", { inBand: false, testSeconds: 30, limitSeconds: 600 }),
  {
    ...jestTier("tools", { inBand: false, testSeconds: 120, limitSeconds: 1800 }),
    prepare: async (progress) => {
      await ensureToolchain(progress);
    },
  },
  onIncus({
    ...jestTier("lab", alone),
    // Most of the time a test waits for a boot or a drain, so that three disturb each other little on two cores.
    run: async (_progress, only) =>
      sideBySide(3, groupsOf(await testFiles("lab", only)), ({ name, files }, lane) =>
        runJest({ ...alone, name, lane, patterns: files.map((file) => `/test/lab/${file}$`) }),
      ),
  }),
  onIncus({ ...jestTier("soak", alone), isUsual: false }),
];

/** `npm test [TIER [PART…]]`: PART names a check, or a part of a test file's path. */
export async function test(words: readonly string[], progress: Progress): Promise<number> {
  const [name, ...only] = words;
  const chosen = tiers.filter((tier) => (name === undefined ? tier.isUsual : tier.name === name));
  if (chosen.length === 0) {
    const names = tiers.map((tier) => tier.name).join(", ");
    throw new SetupError(`there is no tier ${name ?? ""}; there are: ${names}`);
  }
  const ran: TierRun[] = [];
  for (const tier of chosen) ran.push(await runTier(tier, progress, only));
  const outcomes = ran.map(({ outcome }) => outcome);
  progress.say(summary(ran));
  progress.say(lastLine(outcomes));
  return succeeded(outcomes) ? 0 : 1;
}

interface TierRun {
  readonly outcome: Outcome;
  readonly seconds: number;
}

async function runTier(tier: Tier, progress: Progress, only: readonly string[]): Promise<TierRun> {
  progress.say(`\n── ${tier.name}`);
  let started = performance.now();
  const run = async (): Promise<Outcome> => {
    started = performance.now();
    await tier.prepare(progress);
    return tierOutcome(tier.name, await tier.run(progress, only));
  };
  const waiting = (): void => {
    progress.say(`waiting for another run of these tests on this machine (${tier.lock ?? ""})`);
  };
  const tried = tier.lock === undefined ? run() : withFileLock(tier.lock, waiting, run);
  const outcome = await tried.catch((error: unknown) => {
    progress.say(error instanceof SetupError ? error.message : String(error));
    return cannotStart(tier.name, error);
  });
  if (outcome.parts.length > 1) progress.say(slowest(outcome));
  return { outcome, seconds: (performance.now() - started) / 1000 };
}

function jestTier(name: string, choices: JestChoices): Tier {
  return {
    name,
    isUsual: true,
    prepare: nothing,
    run: async (_progress, only) => {
      const parts = only.length === 0 ? [""] : only;
      return [await runJest({ ...choices, name, patterns: parts.map((part) => `/test/${name}/.*${part}`) })];
    },
  };
}

/** Tests on real Incus share its addresses, and each run removes what an earlier one left. */
function onIncus(tier: Tier): Tier {
  return { ...tier, prepare: prepareIncus, lock: "/run/lock/veza-edge-tests.lock" };
}

/** Tests of one room, and stacks that tests deploy (`lab-t-…`) or watch. Never the lab itself. */
const testProject = /^veza-(test|(monitoring-)?lab-t)-/;

async function prepareIncus(progress: Progress): Promise<void> {
  await bundle(progress);
  await ensureToolchain(progress);
  await setUpIncus(labConfig(), progress);
  await progress.step("Browser", (note) => ensurePrograms([browser], note));
  // What a run that was killed left behind would hold addresses that the tests want.
  const left = await projectsWhere((name) => testProject.test(name));
  if (left.length === 0) return;
  await progress.step("Leftovers of an earlier run", async (note) => {
    await removeProjects(left);
    note(`removed ${left.join(", ")}`);
  });
}

function summary(ran: readonly TierRun[]): string {
  const table = new Table({
    head: ["tier", "passed", "failed", "skipped", "time", ""],
    colAligns: ["left", "right", "right", "right", "right", "left"],
    style: { head: [], border: [] },
  });
  for (const { outcome, seconds } of ran) {
    const { name, passed, failed, skipped, remark } = outcome;
    table.push([name, passed, failed, skipped, `${seconds.toFixed(0)} s`, remark]);
  }
  return `\n${table.toString()}`;
}
