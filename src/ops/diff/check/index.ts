import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Plan, PlannedFile } from "../plan.ts";
import { CannotCheck, said, type Checker, type Laid, type Problem } from "./checker.ts";
import { haproxyChecker } from "./haproxy.ts";
import { prometheusChecker } from "./prometheus.ts";
import { shellChecker } from "./shell.ts";
import { systemdChecker } from "./systemd.ts";

export type { Problem } from "./checker.ts";

export const checkers: readonly Checker[] = [haproxyChecker, systemdChecker, shellChecker, prometheusChecker];

/** What a program made of the rendered files. */
export interface Check {
  /** E.g. `HAProxy`. */
  readonly name: string;
  /** Files that it was to read, each content once. */
  readonly files: number;
  readonly problems: readonly Problem[];
  /** Present: it did not read them, for this reason. */
  readonly notChecked?: string;
  readonly version?: string;
}

/** Limit for one program and one container, in ms. */
const limitMs = 60_000;

/**
 * Has real programs read the files that a plan renders, as they will lie in their containers. A program that is not here
 * is no reason to fail: `notChecked` says so.
 * @param isNew which files are worth it; HAProxy's configuration is always
 */
export async function check(
  plan: Plan,
  isNew: (container: string, file: PlannedFile) => boolean,
): Promise<readonly Check[]> {
  const work = await mkdtemp(join(tmpdir(), "veza-diff-check-"));
  try {
    const containers = await lay(plan, work);
    const checks = await Promise.all(
      checkers.map((checker) => run(checker, chosen(checker, containers, isNew))),
    );
    return checks.filter(({ files }) => files > 0);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whether something in the plan would not be taken. */
export function hasProblems(checks: readonly Check[]): boolean {
  return checks.some(({ problems }) => problems.length > 0);
}

async function lay(plan: Plan, work: string): Promise<Omit<Laid, "checked">[]> {
  const names = [...new Set(plan.steps.flatMap(({ container }) => container ?? []))];
  return Promise.all(
    names.map(async (container) => {
      const files = plan.steps
        .filter((step) => step.container === container && step.fingerprint === undefined)
        .flatMap((step) => step.files);
      const root = join(work, container);
      for (const { path, content, mode } of files) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content, { mode: Number.parseInt(mode, 8) | 0o400 });
      }
      return { container, root, files };
    }),
  );
}

/** Containers with the files that a program is to read; a content that another container has, too, is read there. */
function chosen(
  checker: Checker,
  containers: readonly Omit<Laid, "checked">[],
  isNew: (container: string, file: PlannedFile) => boolean,
): Laid[] {
  const seen = new Set<string>();
  return containers.flatMap((laid) => {
    const checked = laid.files.filter((file) => {
      if (!checker.matches(file) || !(checker === haproxyChecker || isNew(laid.container, file)))
        return false;
      const same = `${file.path}\n${file.content}`;
      return !seen.has(same) && seen.add(same);
    });
    return checked.length === 0 ? [] : [{ ...laid, checked }];
  });
}

async function run(checker: Checker, containers: readonly Laid[]): Promise<Check> {
  const { name } = checker;
  const files = containers.reduce((sum, { checked }) => sum + checked.length, 0);
  if (files === 0) return { name, files, problems: [] };
  const version = await versionOf(checker);
  if (version === undefined)
    return {
      name,
      files,
      problems: [],
      notChecked: `${checker.program} is not on PATH (${checker.install})`,
    };
  if (isOlder(version, checker.minimum))
    return {
      name,
      files,
      problems: [],
      version,
      notChecked: `${checker.program} ${version} is older than ${(checker.minimum ?? []).join(".")} (${checker.install})`,
    };
  try {
    const problems = await Promise.all(containers.map((laid) => checker.problems(laid, limitMs)));
    return { name, files, problems: problems.flat(), version };
  } catch (error) {
    if (!(error instanceof CannotCheck)) throw error;
    return { name, files, problems: [], version, notChecked: error.message };
  }
}

async function versionOf({ program, versionWords }: Checker): Promise<string | undefined> {
  const { text, ok } = await said(program, versionWords, limitMs);
  return ok ? /\d+(?:\.\d+)*/.exec(text)?.[0] : undefined;
}

function isOlder(version: string, minimum: Checker["minimum"]): boolean {
  if (minimum === undefined) return false;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < minimum[0] || (major === minimum[0] && minor < minimum[1]);
}
