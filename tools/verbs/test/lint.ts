import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { whereIs } from "../../machine/path.ts";
import { ensurePrograms, shellcheck } from "../../machine/programs.ts";
import { repository } from "../../machine/lab-stack.ts";
import type { Progress } from "../../progress.ts";
import { sideBySide } from "./groups.ts";
import { cannotStart, type Outcome } from "./outcome.ts";
import { programEnvironment } from "./program.ts";

const root = fileURLToPath(repository);
const limitSeconds = 600;

interface Check {
  readonly name: string;
  /** The program and its words; undefined where the check has to be left out. */
  readonly command: () => Promise<readonly [string, ...string[]] | undefined>;
  /** @default the repository */
  readonly folder?: string;
  readonly leftOutBecause?: string;
}

const checks: readonly Check[] = [
  { name: "prettier", command: () => node("prettier", "--check", "--log-level", "warn", ".") },
  { name: "eslint", command: () => node("eslint", "--max-warnings", "0", ".") },
  { name: "tsc", command: () => node("tsc", "--noEmit") },
  // What a browser runs has another library.
  {
    name: "tsc for the dashboard",
    command: () => node("tsc", "--noEmit", "--project", "stacks/monitoring/dashboard"),
  },
  { name: "dependency-cruiser", command: () => node("depcruise", "--config", ".dependency-cruiser.js", ".") },
  { name: "shellcheck", command: async () => ["shellcheck", ...(await shellFiles())] },
  {
    name: "go vet",
    command: () => Promise.resolve(whereIs("go") === undefined ? undefined : ["go", "vet", "./..."]),
    folder: "tools/command-plugin",
    leftOutBecause: "go vet was left out: no go on PATH",
  },
];

/** Runs each tool over the whole repository; each is one check. What a failing one says is printed whole. */
export async function lint(progress: Progress, only: readonly string[]): Promise<readonly Outcome[]> {
  const chosen = checks.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  const failures: string[] = [];
  const outcomes = await progress.step("checks", (note) => {
    const running = new Set<string>();
    return sideBySide(availableParallelism(), chosen, async (check) => {
      running.add(check.name);
      note([...running].join(", "));
      const outcome = await runCheck(check, (failure) => failures.push(failure));
      running.delete(check.name);
      note([...running].join(", "));
      return outcome;
    });
  });
  for (const failure of failures) progress.say(failure);
  return outcomes;
}

async function runCheck(check: Check, failed: (words: string) => void): Promise<Outcome> {
  const { name } = check;
  const started = performance.now();
  const parts = (): Outcome["parts"] => [{ name, seconds: (performance.now() - started) / 1000 }];
  try {
    if (name === "shellcheck") await ensurePrograms([shellcheck], () => undefined);
    const command = await check.command();
    if (command === undefined)
      return { name, passed: 0, failed: 0, skipped: 1, remark: check.leftOutBecause ?? "", parts: [] };
    await run(command, join(root, check.folder ?? "."));
    return { name, passed: 1, failed: 0, skipped: 0, remark: "", parts: parts() };
  } catch (error) {
    if (!(error instanceof CheckFailed)) return cannotStart(name, error);
    failed(`${name}:\n${error.message}`);
    return { name, passed: 0, failed: 1, skipped: 0, remark: `${name} failed`, parts: parts() };
  }
}

class CheckFailed extends Error {}

async function run([program, ...words]: readonly [string, ...string[]], folder: string): Promise<void> {
  const ended = await execa(program, words, {
    cwd: folder,
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: limitSeconds * 1000,
    env: programEnvironment(),
  });
  if (!ended.failed) return;
  const limit = ended.timedOut ? [`stopped after its limit of ${String(limitSeconds)} s`] : [];
  throw new CheckFailed([...limit, ended.all.trim() || ended.shortMessage].join("\n"));
}

/** A program that npm installed. */
function node(program: string, ...words: readonly string[]): Promise<readonly [string, ...string[]]> {
  return Promise.resolve([process.execPath, join(root, "node_modules/.bin", program), ...words]);
}

/** Every shell script of the repository, by name or by its first line. */
async function shellFiles(): Promise<readonly string[]> {
  const listed = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  const files = listed.stdout.split("\0").filter((file) => file !== "");
  return files.filter((file) => file.endsWith(".sh") || (isProgram(file) && hasShellFirst(file)));
}

function isProgram(file: string): boolean {
  return file.startsWith("bin/") || file.startsWith(".ci/");
}

function hasShellFirst(file: string): boolean {
  return /^#!.*\b(ba)?sh\b/.test(readFileSync(join(root, file), "utf8").split("\n", 1)[0] ?? "");
}
