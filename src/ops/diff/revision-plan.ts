import { execa } from "execa";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";
import { planSchema, planVersion, type Plan } from "./plan.ts";
import { stackNames } from "./projects.ts";

/** A revision cannot be compared with; says what to do. */
export class RevisionError extends Error {
  override readonly name = "RevisionError";
}

/** What another revision of this repository plans. */
export interface Revision {
  /** As the person named it, and the commit: `main (1a2b3c4)`. */
  readonly label: string;
  /** Stacks that it has a file of. */
  readonly stacks: readonly string[];
  /** Its plans of stacks that it has. */
  plans(stacks: readonly string[]): Promise<readonly Plan[]>;
}

/** Seconds for its program, and for its packages where they are others than ours. */
const programSeconds = 120;
const packagesSeconds = 1_800;

/** Name of the environment's variable with the key for fingerprints, so that both revisions have the same one. */
export const keyVariable = "VEZA_DIFF_KEY";

/**
 * Takes a revision out of git into a folder of its own, for as long as `use` goes on, and has its own program say what
 * it plans. What is compared with is where the two histories part, as in a pull request.
 * @param directory of this revision's checkout
 * @param work an empty folder, where its program finds nothing that is not in git
 * @param tell a line for the person who waits
 * @throws RevisionError when there is no such revision, or it cannot say what it plans
 */
export async function withRevision<T>(
  revision: string,
  {
    directory,
    key,
    work,
    tell,
  }: {
    readonly directory: URL;
    readonly key: string;
    readonly work: string;
    readonly tell: (line: string) => void;
  },
  use: (revision: Revision) => Promise<T>,
): Promise<T> {
  const here = fileURLToPath(directory);
  const commit = await commitOf(revision, here);
  const label = `${revision} (${commit.slice(0, 7)})`;
  const root = await mkdtemp(join(tmpdir(), "veza-diff-base-"));
  try {
    await extract(commit, here, root);
    const samePackages = await reusePackages(here, root);
    if (!samePackages) tell(`${label} has other npm packages than this checkout: installing them for it …`);
    const limitSeconds = samePackages ? programSeconds : packagesSeconds;
    const plans = async (stacks: readonly string[]): Promise<readonly Plan[]> =>
      stacks.length === 0 ? [] : plan(stacks, { root, label, key, work, limitSeconds });
    return await use({ label, stacks: stackNames(pathToFileURL(`${root}/`)), plans });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function commitOf(revision: string, here: string): Promise<string> {
  const found = await git(
    here,
    "rev-parse",
    "--verify",
    "--quiet",
    "--end-of-options",
    `${revision}^{commit}`,
  );
  if (found === undefined)
    throw new RevisionError(
      `git knows no revision '${revision}' in ${here}. In a checkout without history fetch it first (fetch-depth: 0 in a workflow)`,
    );
  return (await git(here, "merge-base", found, "HEAD")) ?? found;
}

async function git(cwd: string, ...words: readonly string[]): Promise<string | undefined> {
  const { stdout, failed } = await execa("git", words, { cwd, reject: false, stdin: "ignore" });
  return failed ? undefined : stdout;
}

/** As an archive: nothing is noted in the repository, and nothing is left there when this is killed. */
async function extract(commit: string, here: string, root: string): Promise<void> {
  await execa("git", ["archive", "--format=tar", commit], { cwd: here, buffer: false }).pipe("tar", [
    "-x",
    "-C",
    root,
  ]);
}

/** @returns false when they are others, and its own launcher has to install them */
async function reusePackages(here: string, root: string): Promise<boolean> {
  const lock = (folder: string): string => {
    const file = join(folder, "package-lock.json");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  if (lock(here) !== lock(root) || !existsSync(join(here, "node_modules"))) return false;
  await symlink(join(here, "node_modules"), join(root, "node_modules"));
  return true;
}

interface Asked {
  readonly root: string;
  readonly label: string;
  readonly key: string;
  readonly work: string;
  readonly limitSeconds: number;
}

async function plan(stacks: readonly string[], asked: Asked): Promise<readonly Plan[]> {
  const { root, label, key, work, limitSeconds } = asked;
  await mkdir(work, { recursive: true });
  const ended = await execa(join(root, "bin/veza"), ["diff", "--plan", "--stack", ...stacks], {
    cwd: work,
    env: { [keyVariable]: key, NO_COLOR: "1" },
    stdin: "ignore",
    reject: false,
    timeout: limitSeconds * 1_000,
    maxBuffer: 1e9,
  });
  if (ended.failed) throw new RevisionError(notPlanned(label, limitSeconds, ended));
  const said: unknown = JSON.parse(ended.stdout);
  const parsed = z.array(planSchema).safeParse(said);
  if (parsed.success) return parsed.data;
  throw new RevisionError(
    `${label} says what it plans in another form than this revision reads (version ${String(planVersion)}). Compare with a newer revision: one from after the form was changed`,
  );
}

function notPlanned(
  label: string,
  limitSeconds: number,
  ended: { readonly timedOut: boolean; readonly stderr: string; readonly stdout: string },
): string {
  if (ended.timedOut) return `the program of ${label} did not end within ${String(limitSeconds)} s`;
  const said = ended.stderr.trim() || ended.stdout.trim();
  if (/unknown (option|command)|ENOENT|not found/.test(said) && said.includes("--plan"))
    return `${label} is from before 'bin/veza diff' could be compared with: it cannot say what it plans. Compare with a newer revision, or see every file whole without --base`;
  return `the program of ${label} could not say what it plans:\n${said}`;
}
