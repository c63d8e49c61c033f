import { execFile } from "node:child_process";

import type { PulumiRun } from "./stack-init.ts";

/** Limit for reading a stack's state, in ms. */
const limit = 120_000;

/**
 * The stack's state as Pulumi has it, secrets in clear: it stays in this process. Needs nothing that has to be loaded
 * first, so that Pulumi can be at it meanwhile.
 * @throws Error with Pulumi's own words when it cannot be had
 */
export async function exportState({ pulumi, env, cwd }: PulumiRun, stack: string): Promise<unknown> {
  const words = ["stack", "export", "--show-secrets", "--non-interactive", "--stack", stack];
  const json = await new Promise<string>((resolve, reject) => {
    execFile(pulumi, words, { cwd, env, timeout: limit, maxBuffer: 1e9 }, (error, said, complaints) => {
      if (error === null) {
        process.stderr.write(complaints);
        resolve(said);
      } else {
        const why = error.killed === true ? `no answer within ${String(limit / 1000)} s` : complaints.trim();
        reject(new Error(`the state of stack ${stack} cannot be had: ${why}`));
      }
    });
  });
  return JSON.parse(json);
}
