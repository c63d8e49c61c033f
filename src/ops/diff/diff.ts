import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, type Check } from "./check/index.ts";
import { deployedPlan } from "./deployed-plan.ts";
import { difference, isDifferent, type Against, type Difference } from "./difference.ts";
import { emptyPlan, type Plan, type PlanOf } from "./plan.ts";
import { plansOf } from "./plans.ts";
import type { Earlier } from "./program-plan.ts";
import { edgeProject, projectsOf, stackNames } from "./projects.ts";
import { keyVariable, withRevision } from "./revision-plan.ts";

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

/** What there is to say about one stack of one project. */
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
export async function plansForAnother(stacks: readonly string[], directory: URL): Promise<readonly Plan[]> {
  return plansOf(stacks, directory, process.env[keyVariable] ?? randomBytes(32).toString("hex"));
}

async function withDeployed(options: DiffOptions, key: string): Promise<StackDiff[]> {
  const { directory, whole, checks } = options;
  const diffs: StackDiff[] = [];
  for (const stack of options.stacks) {
    const projects = projectsOf(stack, directory);
    const deployed = new Map(
      await Promise.all(
        projects.map(async (project) => {
          const found = whole ? { problem: "" } : await deployedPlan(project, stack, key);
          return [project.name, found] as const;
        }),
      ),
    );
    const edge = deployed.get(edgeProject);
    const earlier: Record<string, Earlier> =
      edge !== undefined && "earlier" in edge ? { [stack]: edge.earlier } : {};
    const plans = await inFolder(fileURLToPath(directory), () => plansOf([stack], directory, key, earlier));
    for (const after of plans) {
      const before = deployed.get(after.project) ?? { problem: "" };
      const [plan, against]: [Plan, Against] =
        "problem" in before
          ? [emptyPlan(after), { kind: "nothing", because: before.problem }]
          : [before.plan, { kind: "deployed" }];
      diffs.push(await stackDiff(plan, after, against, checks));
    }
  }
  return diffs;
}

async function withBase(options: DiffOptions, base: string, key: string): Promise<StackDiff[]> {
  const { directory, checks, tell } = options;
  const work = await mkdtemp(join(tmpdir(), "veza-diff-work-"));
  try {
    return await withRevision(base, { directory, key, work, tell }, async (revision) => {
      const here = stackNames(directory);
      const stacks =
        options.stacks.length === 0 ? [...new Set([...here, ...revision.stacks])].sort() : options.stacks;
      const there = revision.plans(stacks.filter((stack) => revision.stacks.includes(stack)));
      // It is waited for below; until then its failure is nobody's.
      there.catch(() => undefined);
      const planned = stacks.filter((stack) => here.includes(stack) || !revision.stacks.includes(stack));
      // What is not in git is on neither side, whatever lies about here.
      const after = await inFolder(work, () => plansOf(planned, directory, key)).catch(
        async (error: unknown) => {
          // Its folder is not taken away under it.
          await Promise.allSettled([there]);
          throw error;
        },
      );
      const before = await there;
      const against: Against = { kind: "revision", label: revision.label };
      const diffs: StackDiff[] = [];
      for (const of of ofBoth(stacks, before, after))
        diffs.push(await stackDiff(planIn(before, of), planIn(after, of), against, checks));
      return diffs;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whose plans there are, on one side or on both. */
function ofBoth(stacks: readonly string[], ...sides: readonly (readonly Plan[])[]): readonly PlanOf[] {
  return stacks.flatMap((stack) => {
    const own = sides.flat().filter((plan) => plan.stack === stack);
    return [...new Set(own.map(({ project }) => project))].sort().map((project) => ({ project, stack }));
  });
}

function planIn(plans: readonly Plan[], of: PlanOf): Plan {
  return plans.find(({ project, stack }) => project === of.project && stack === of.stack) ?? emptyPlan(of);
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
