import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { fileBackend, hasStack } from "./file-backend.ts";
import type { Project } from "./project.ts";

/** How Pulumi is called. */
export interface PulumiRun {
  readonly pulumi: string;
  readonly env: NodeJS.ProcessEnv;
  /** Folder to run in, absolute. */
  readonly cwd: string;
}

/**
 * Creates a stack that has a file but no state yet. The stack's file keeps its text: Pulumi would
 * rewrite it whole; only the lines that it must have (its encryption salt) are added at the end.
 * @returns what to tell the person when Pulumi refused
 */
export function createMissingStack(
  run: PulumiRun,
  backend: string | undefined,
  project: Project,
  stack: string,
  say: (line: string) => void,
): string | undefined {
  const file = join(project.dir, `Pulumi.${stack}.yaml`);
  // Without a file it is a slip of the finger, and Pulumi's own answer to it is good.
  if (!existsSync(file) || stackExists(run, backend, project, stack)) return undefined;
  const before = readFileSync(file, "utf8");
  const init = spawnSync(run.pulumi, ["stack", "init", stack, "--no-select"], {
    cwd: run.cwd,
    env: run.env,
    // Its question for a passphrase, should it have one, is the person's to answer.
    stdio: ["inherit", "pipe", "pipe"],
    encoding: "utf8",
  });
  const after = readFileSync(file, "utf8");
  if (after !== before) writeFileSync(file, init.status === 0 ? keepText(before, after) : before);
  if (init.status !== 0) return `stack ${stack} does not exist yet and cannot be created:\n${init.stderr}`;
  say(`Stack ${stack} was new: created${after === before ? "" : `, Pulumi.${stack}.yaml has its salt now`}.`);
  return undefined;
}

function stackExists(run: PulumiRun, backend: string | undefined, project: Project, stack: string): boolean {
  const local = fileBackend(backend);
  if (local) return hasStack(local, project, stack);
  const asked = spawnSync(run.pulumi, ["stack", "--stack", stack, "--show-name"], {
    cwd: run.cwd,
    env: run.env,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  return !asked.stderr.includes("no stack named");
}

/** The old text, with the encryption lines of the new one that it did not have. */
export function keepText(before: string, after: string): string {
  const added = after
    .split("\n")
    .filter((line) => /^(?:encryptionsalt|encryptedkey|secretsprovider):/.test(line))
    .filter((line) => !before.split("\n").includes(line));
  const text = before === "" || before.endsWith("\n") ? before : `${before}\n`;
  return text + added.map((line) => `${line}\n`).join("");
}
