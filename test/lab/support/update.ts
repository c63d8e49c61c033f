import { execa, type ResultPromise } from "execa";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { changesIn, type Changes } from "../../../tools/verbs/pulumi.ts";

const bin = new URL("../../../bin/", import.meta.url);
const launcher = fileURLToPath(new URL("pulumi", bin));
const veza = fileURLToPath(new URL("veza", bin));

/** How a run of `bin/pulumi` ended. */
export interface Ended {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Everything that it printed. */
  readonly said: string;
  /** Resources by what happened to them; empty when the engine did not come to a summary. */
  readonly changes: Changes;
}

/** A run of `bin/pulumi`. */
export type Run = ResultPromise<ReturnType<typeof optionsWith>>;

/**
 * Runs `bin/pulumi` as a script does: nobody to ask, no terminal.
 * @param env additions to the environment of this process
 */
export function startPulumi(
  words: readonly string[],
  backend: string,
  env: Readonly<Record<string, string>> = {},
): Run {
  return execa(launcher, [...words, "--non-interactive"], optionsWith(backend, env));
}

/** Runs `bin/veza` as a script does. */
export function runVeza(words: readonly string[], backend: string): Run {
  return execa(veza, words, optionsWith(backend, {}));
}

const optionsWith = (backend: string, env: Readonly<Record<string, string>>) =>
  ({
    stdin: "ignore",
    all: true,
    reject: false,
    timeout: 600_000,
    // The flag for the log of events exists only with PULUMI_DEBUG_COMMANDS.
    env: { NO_COLOR: "1", PULUMI_BACKEND_URL: backend, PULUMI_DEBUG_COMMANDS: "true", ...env },
  }) as const;

/** An update under way. */
export class Update {
  readonly ended: Promise<Ended>;
  readonly #run: Run;
  readonly #enginePid: () => number | undefined;
  #said = "";
  readonly #listeners = new Set<() => void>();

  constructor(run: Run, events: string, enginePid: () => number | undefined) {
    this.#run = run;
    this.#enginePid = enginePid;
    this.#run.all.on("data", (chunk: Buffer) => {
      this.#said += chunk.toString();
      for (const listener of this.#listeners) listener();
    });
    this.ended = this.#end(events);
  }

  /** Waits until what it printed so far has this in it; throws when it ends before. */
  async says(pattern: RegExp): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      const look = (): void => {
        if (pattern.test(this.#said)) resolve();
      };
      this.#listeners.add(look);
      look();
    });
    const silence = this.ended.then(({ said }) => {
      if (!pattern.test(said))
        throw new Error(`the update ended without saying ${String(pattern)}:\n${said}`);
    });
    await Promise.race([heard, silence]);
  }

  /** `kill -9` of the engine: no time to say anything, to anybody. */
  kill(): void {
    if (!this.killIfRunning()) throw new Error(`no update is under way:\n${this.#said}`);
  }

  /** The same where the engine may have ended, or not yet begun. @returns whether there was one */
  killIfRunning(): boolean {
    const pid = this.#enginePid();
    if (pid === undefined) return false;
    process.kill(pid, "SIGKILL");
    return true;
  }

  /** What the end of the machine that runs the engine is to the hosts: the engine, its plugins and scripts are gone at once. */
  crash(): void {
    const root = this.#run.pid;
    if (root === undefined) return;
    for (const pid of [root, ...descendants(root)]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself meanwhile.
      }
    }
  }

  async #end(events: string): Promise<Ended> {
    const { exitCode, signal, all } = await this.#run;
    const log = await readFile(events, "utf8").catch(() => "");
    return { exitCode, signal, said: all, changes: changesIn(log) };
  }
}

/** Ids of the processes that a process started, directly or not. */
function descendants(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(name);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (pid: number): number[] =>
    (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(root);
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
