import { execa } from "execa";
import { hostDocument } from "../../src/incus/document.ts";
import { readScript } from "../../src/shell/read-script.ts";
import { delimiter } from "node:path";
import { programFolders } from "./path.ts";
import { SetupError } from "./setup-error.ts";

export interface LocalScript {
  /** File name of the script beside this module; it defines `main`. */
  readonly name: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Seconds after which the script is stopped. */
  readonly limitSeconds: number;
}

/**
 * Runs one of the scripts of this folder on this machine, as root, and resolves with the lines that it printed.
 * @throws SetupError with the script's own last words when it fails or runs into its limit.
 */
export async function runScript(script: LocalScript): Promise<readonly string[]> {
  // timeout(1) ends the script with all that it started; a daemon that it left behind on purpose stays.
  const shell = ["--kill-after=5", String(script.limitSeconds), "bash", "-euo", "pipefail", "-s"];
  const result = await execa("timeout", shell, {
    input: hostDocument({ parameters: script.parameters, script: readScript(import.meta.url, script.name) }),
    all: true,
    reject: false,
    // Programs answer in the language that this project reads.
    env: { LC_ALL: "C.UTF-8", PATH: programFolders().join(delimiter) },
  });
  const lines = result.all.split("\n").filter((line) => line.trim() !== "");
  if (!result.failed) return result.stdout.split("\n").filter((line) => line !== "");
  const why =
    result.exitCode === 124
      ? `was stopped after its limit of ${String(script.limitSeconds)} s`
      : `ended with status ${String(result.exitCode ?? result.signal)}`;
  throw new SetupError(`tools/machine/${script.name} ${why}`, lines.slice(-20));
}
