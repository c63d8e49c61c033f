import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, type Check } from "./check/index.ts";
import { deployedPlan } from "./deployed-plan.ts";
import { difference, isDifferent, type Against, type Difference } from "./difference.ts";
import { emptyPlan, type Plan } from "./plan.ts";
import { programPlan } from "./program-plan.ts";
import { keyVariable, stackNames, withRevision } from "./revision-plan.ts";

export interface DiffOptions {
  /** Names; with `base` and none, every stack that has a file here or there. */
  readonly stacks: readonly string[];
  /** Git revision to compare with. @default what is deployed */
  readonly base?: string;
  /** Compare with nothing: every file whole. */
  readonly whole: boolean;
  /** Have real programs read what is rendered. */
  readonly checks: boolean;
  /** Where the stacks' files lie. */
  readonly directory: URL;
  /** A line for the person who waits. */
  readonly tell: (line: string) => void;
}

/** What there is to say about one stack. */
export interface StackDiff extends Difference {
  readonly checks: readonly Check[];
}

/**
 * How what the stacks' config asks for differs from what is deployed, or from another revision.
 * @throws ConfigError for a config with mistakes, RevisionError for a revision that cannot be compared with
 */
export function diffStacks(options: DiffOptions): Promise<readonly StackDiff[]> {
  const key = randomBytes(32).toString("hex");
  return options.base === undefined ? withDeployed(options, key) : withBase(options, options.base, key);
}

/** What another revision asks this one for: plans of stacks that have a file here. */
export async function plansOf(stacks: readonly string[], directory: URL): Promise<readonly Plan[]> {
  const key = process.env[keyVariable] ?? randomBytes(32).toString("hex");
  const plans: Plan[] = [];
  // One after the other: the SDK has one engine at a time.
  for (const stack of stacks) plans.push(await programPlan(stack, directory, key));
  return plans;
}

async function withDeployed(options: DiffOptions, key: string): Promise<StackDiff[]> {
  const { directory, whole, checks } = options;
  const diffs: StackDiff[] = [];
  for (const stack of options.stacks) {
    const deployed = whole ? { problem: "" } : await deployedPlan(stack, directory, key);
    const nothing = "problem" in deployed;
    const before = nothing ? emptyPlan(stack) : deployed.plan;
    const against: Against = nothing ? { kind: "nothing", because: deployed.problem } : { kind: "deployed" };
    const after = await inFolder(fileURLToPath(directory), () =>
      programPlan(stack, directory, key, nothing ? undefined : deployed.earlier),
    );
    diffs.push(await stackDiff(before, after, against, checks));
  }
  return diffs;
}

async function withBase(options: DiffOptions, base: string, key: string): Promise<StackDiff[]> {
  const { directory, checks, tell } = options;
  const work = await mkdtemp(join(tmpdir(), "veza-diff-work-"));
  try {
    return await withRevision(base, { directory, key, work, tell }, async (revision) => {
      const here = stackNames(readdirSync(directory));
      const stacks =
        options.stacks.length === 0 ? [...new Set([...here, ...revision.stacks])].sort() : options.stacks;
      const there = revision.plans(stacks);
      const diffs: StackDiff[] = [];
      // What is not in git is on neither side, whatever lies about here.
      const plans = await inFolder(work, async () => {
        const made: Plan[] = [];
        for (const stack of stacks)
          made.push(
            here.includes(stack) || !revision.stacks.includes(stack)
              ? await programPlan(stack, directory, key)
              : emptyPlan(stack),
          );
        return made;
      }).catch(async (error: unknown) => {
        await Promise.allSettled([there]);
        throw error;
      });
      const before = await there;
      const against: Against = { kind: "revision", label: revision.label };
      for (const after of plans)
        diffs.push(
          await stackDiff(before.get(after.stack) ?? emptyPlan(after.stack), after, against, checks),
        );
      return diffs;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function stackDiff(before: Plan, after: Plan, against: Against, checks: boolean): Promise<StackDiff> {
  const found = difference(before, after, against);
  const isNew = (container: string, path: string): boolean =>
    found.containers.some(
      (one) => one.container === container && one.files.some((file) => file.path === path),
    );
  return {
    ...found,
    checks: checks ? await check(after, (container, { path }) => isNew(container, path)) : [],
  };
}

/** Relative paths in a config begin there meanwhile. */
async function inFolder<T>(folder: string, act: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await act();
  } finally {
    process.chdir(before);
  }
}

/** What a caller's exit status is about. */
export function verdict(diffs: readonly StackDiff[]): {
  readonly different: boolean;
  readonly invalid: boolean;
  readonly unchecked: boolean;
} {
  const checks = diffs.flatMap((diff) => diff.checks);
  return {
    different: diffs.some(isDifferent),
    invalid: checks.some(({ problems }) => problems.length > 0),
    unchecked: checks.some(({ notChecked }) => notChecked !== undefined),
  };
}
