import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { execa } from "execa";
import { z } from "zod";

import { hostsSchema } from "../../config/hosts.ts";
import { readStackFile } from "../../config/stack-file.ts";
import { newStackVariable } from "../../new-stack-variable.ts";
import { conclude, converge, type DeployedState, type UpdateEnd } from "../converge/index.ts";
import { isNewStack } from "../converge/is-new.ts";
import { failedSteps, saysUnchanged } from "./event-log.ts";
import { missingSecrets } from "./secrets.ts";
import type { Project } from "./project.ts";
import type { PulumiRun } from "./stack-init.ts";
import { exportState } from "./state-export.ts";

/** How Pulumi ended. */
interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Limit for what else is asked of Pulumi, in ms. */
const ASKED_LIMIT = 120_000;

/**
 * `pulumi up`, with a look before and a word after: hosts that an earlier update left other than the
 * state says are brought back to it first, and after success they are told that all is well.
 * Ends as Pulumi ended.
 * @param asked the stack's state, which takes a while; undefined: there is none yet
 * @returns what to tell the person when Pulumi was not started.
 */
export async function update(
  run: PulumiRun,
  args: readonly string[],
  project: Project,
  stack: string,
  asked: Promise<unknown> | undefined,
  say: (line: string) => void,
): Promise<string | undefined> {
  const missing = missingSecrets(project, stack, run.env);
  if (missing !== undefined) return missing;

  let before: DeployedState | undefined;
  let asBefore = false;
  let isNew = false;
  if (asked) {
    try {
      const state = await deployedState(run, project, stack, asked);
      before = state;
      const converged = await converge(state, say);
      asBefore = converged.asBefore;
      isNew = await isNewStack(stack, state);
      await forgetInterruptedCreates(run, stack, state.exportedState);
      for (const line of converged.problems) say(`not brought back: ${line}`);
    } catch (error) {
      return `${error instanceof Error ? error.message : String(error)}\nNothing was updated.`;
    }
  }
  const env = { ...run.env, [newStackVariable]: isNew ? "true" : undefined };
  const { ended, log } = await recordedRun({ ...run, env }, args);
  const isUnchanged = ended.code === 0 && saysUnchanged(log);
  const left = await concluded(
    // Asking Pulumi takes half a second, and is for nothing when it has just said that all is the same.
    () => (isUnchanged && before ? Promise.resolve(before) : deployedState(run, project, stack)),
    ended.code !== 0 ? "failed" : isUnchanged && asBefore ? "same" : "changed",
  );
  for (const one of left) say(`not as the stack's state says: ${one}`);
  if (ended.signal !== null) {
    say(
      `Pulumi was ended by ${ended.signal}. The next bin/pulumi up compares the hosts with the state first.`,
    );
    process.kill(process.pid, ended.signal);
  }
  process.exitCode = ended.code ?? 1;
  for (const line of ended.code === 0 ? [] : lastWords(stack, log)) say(line);
  return left.length === 0 || ended.code !== 0
    ? undefined
    : "the update ended well, and yet the hosts differ from the stack's state (above). Run bin/pulumi up again";
}

/** What matters of a failed update, said last: Pulumi prints it in the middle of everything else. */
function lastWords(stack: string, log: string): readonly string[] {
  const failed = failedSteps(log);
  if (failed.length === 0) return [];
  return [
    `bin/pulumi: stack ${stack} is not up to date:`,
    ...failed,
    "When that is mended, the same again goes on from there.",
  ];
}

/** What differs after the update; a host that cannot be asked any more is one of the answers. */
async function concluded(state: () => Promise<DeployedState>, end: UpdateEnd): Promise<readonly string[]> {
  try {
    return await conclude(await state(), end);
  } catch (error) {
    return [`cannot be seen: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function deployedState(
  run: PulumiRun,
  project: Project,
  stack: string,
  asked = exportState(run, stack),
): Promise<DeployedState> {
  const [exportedState, hosts] = await Promise.all([asked, configuredHosts(run, project, stack)]);
  return { exportedState, directory: project.dir, hosts };
}

/** The hosts of the stack's file; none where it has mistakes, which the program will report. */
async function configuredHosts(
  run: PulumiRun,
  project: Project,
  stack: string,
): Promise<DeployedState["hosts"]> {
  if (!existsSync(join(project.dir, `Pulumi.${stack}.yaml`))) return {};
  const config = readStackFile(stack, pathToFileURL(`${project.dir}/`));
  const hosts = hostsSchema.safeParse(config["veza-edge:hosts"]);
  if (!hosts.success) return {};
  if (config["veza-edge:sshPrivateKey"] === undefined) return hosts.data;
  const words = ["config", "get", "veza-edge:sshPrivateKey", "--stack", stack];
  const { stdout: privateKey } = await execa(run.pulumi, words, {
    cwd: run.cwd,
    env: run.env,
    extendEnv: false,
    stderr: ["pipe", "inherit"],
    timeout: ASKED_LIMIT,
  });
  return Object.fromEntries(
    Object.entries(hosts.data).map(([name, host]) => [
      name,
      host.connection === "ssh" ? { ...host, privateKey } : host,
    ]),
  );
}

const pendingOperations = z.object({
  deployment: z
    .object({ pending_operations: z.array(z.object({ type: z.string() })).default([]) })
    .nullable(),
});

/**
 * What a killed update had begun to create was looked at on the hosts, and is either removed or adopted by the update
 * to come: the engine would otherwise warn of it in every update from now on.
 */
async function forgetInterruptedCreates(
  run: PulumiRun,
  stack: string,
  exportedState: unknown,
): Promise<void> {
  const operations = pendingOperations.parse(exportedState).deployment?.pending_operations ?? [];
  if (!operations.some(({ type }) => type === "creating")) return;
  // Commands have nothing that could be read back, so a refresh does only this.
  const words = ["refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--non-interactive"];
  await execa(run.pulumi, [...words, "--stack", stack], {
    cwd: run.cwd,
    env: run.env,
    extendEnv: false,
    stdin: "ignore",
    timeout: ASKED_LIMIT,
  });
}

/** Runs Pulumi to its end, and reads its log of events. */
async function recordedRun(run: PulumiRun, args: readonly string[]): Promise<{ ended: Ended; log: string }> {
  const folder = await mkdtemp(join(tmpdir(), "veza-events-"));
  try {
    const own = join(folder, "events.json");
    const asked = askedEventLog(args);
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    const ended = await runInForeground(
      // The flag exists only with this.
      { ...run, env: { ...run.env, PULUMI_DEBUG_COMMANDS: "true" } },
      asked === undefined ? args.toSpliced(end, 0, "--event-log", own) : args,
    );
    const events = asked === undefined ? own : resolve(run.cwd, asked);
    const log = await readFile(events, "utf8").catch(() => "");
    return { ended, log };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the caller wants the log of events: Pulumi writes one only. */
function askedEventLog(args: readonly string[]): string | undefined {
  for (const [index, word] of args.entries()) {
    if (word === "--event-log") return args[index + 1];
    if (word.startsWith("--event-log=")) return word.slice("--event-log=".length);
  }
  return undefined;
}

/**
 * Runs Pulumi to its end. It gets each signal once: a second interrupt would make it drop everything.
 * On a terminal Ctrl-C reaches both of us; elsewhere Pulumi is in a process group of its own, so that a
 * signal to ours does not reach it twice, and gets what we get passed on. When we are killed outright it
 * goes with us: the hosts have us marked as the one who updates them, and would take it for ended.
 */
function runInForeground(run: PulumiRun, args: readonly string[]): Promise<Ended> {
  const terminal = process.stdin.isTTY || process.stdout.isTTY;
  const child = spawn("setpriv", ["--pdeathsig", "KILL", run.pulumi, ...args], {
    env: run.env,
    stdio: "inherit",
    detached: !terminal,
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on("SIGTERM", forward);
  process.on("SIGINT", terminal ? () => undefined : forward);
  process.on("SIGHUP", terminal ? () => undefined : forward);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.removeAllListeners(name);
      resolve({ code, signal });
    });
  });
}
