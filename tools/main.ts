import pc from "picocolors";
import { ConfigError } from "../src/config/problem.ts";
import { asRoot } from "./machine/root.ts";
import { SetupError } from "./machine/setup-error.ts";
import { createProgress, type Progress } from "./progress.ts";

/** Does what was asked for and resolves with the exit code. */
type Verb = (words: readonly string[], progress: Progress) => Promise<number>;

interface Entry {
  /** One line for the list of verbs. */
  readonly says: string;
  /** Whether it changes the machine itself, given its words. */
  readonly needsRoot: (words: readonly string[]) => boolean;
  readonly load: () => Promise<Verb>;
}

const verbs: Readonly<Record<string, Entry>> = {
  lab: {
    says: "set up this machine, deploy the lab stack, prove that it works",
    needsRoot: () => true,
    load: async () => (await import("./verbs/lab.ts")).lab,
  },
  "lab-down": {
    says: "remove the lab stack; --all: its images and the toolchain too",
    needsRoot: () => true,
    load: async () => (await import("./verbs/lab-down.ts")).labDown,
  },
  test: {
    says: "run all checks and tests, or one tier: lint, unit, program, tools, lab, soak",
    needsRoot: ([tier]) => tier === undefined || tier === "lab" || tier === "soak",
    load: async () => (await import("./verbs/test.ts")).test,
  },
  bench: {
    says: "compare with other tools, or measure: apply, scale, path, failover, start, engine",
    needsRoot: () => true,
    load: async () => (await import("../bench/main.ts")).bench,
  },
  format: {
    says: "write all files as prettier has them",
    needsRoot: () => false,
    load: async () => (await import("./verbs/format.ts")).format,
  },
};

async function main([name = "", ...words]: readonly string[]): Promise<number> {
  const entry = verbs[name];
  if (entry === undefined) {
    const list = Object.entries(verbs).map(([verb, { says }]) => `  ${verb.padEnd(10)}${says}`);
    console.error([`no such verb: ${name === "" ? "(none given)" : name}`, ...list].join("\n"));
    return 2;
  }
  if (entry.needsRoot(words)) {
    const exitCode = await asRoot(process.argv.slice(1));
    if (exitCode !== undefined) return exitCode;
  }
  const verb = await entry.load();
  return verb(words, createProgress());
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // A stack trace says nothing to somebody whose port is taken, and everything about a mistake in here.
  const isForPeople = error instanceof SetupError || error instanceof ConfigError;
  console.error(isForPeople ? `${pc.red("✗")} ${error.message}` : error);
  process.exitCode = 1;
}
