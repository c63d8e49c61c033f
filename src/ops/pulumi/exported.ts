import { execa } from "execa";
import { join } from "node:path";

import { findToolchain } from "../../../tools/toolchain/find.ts";
import { environmentHere } from "./environment.ts";
import { fileBackend, hasStack } from "./file-backend.ts";

/** Limit for asking a backend, in ms: whoever only wants to compare does not wait for one that does not answer. */
const limit = 20_000;

/** A stack's state, secrets in clear; or in a few words why there is none to be had. */
export type Exported = { readonly exportedState: unknown } | { readonly problem: string };

/**
 * What `pulumi stack export --show-secrets` says of a stack. Gets no toolchain, makes no stack, asks for nothing.
 * @param directory of the Pulumi project, absolute
 * @param project its name
 */
export async function exportedStack(stack: string, directory: string, project: string): Promise<Exported> {
  const toolchain = findToolchain();
  if (toolchain === undefined) return { problem: "the pinned Pulumi is not on this machine" };
  const environment = environmentHere(toolchain, stack, "stack");
  if ("refusal" in environment) return { problem: environment.refusal.split("\n")[0] ?? "" };
  const { env, backend } = environment;
  const local = fileBackend(backend);
  const file = join(directory, "Pulumi.yaml");
  if (local && !hasStack(local, { name: project, dir: directory, file }, stack))
    return { problem: "it is not deployed, as far as this machine knows" };
  const { stdout, stderr, failed, timedOut } = await execa(
    toolchain.pulumi,
    ["stack", "export", "--show-secrets", "--non-interactive", "--stack", stack],
    { cwd: directory, env, extendEnv: false, stdin: "ignore", reject: false, timeout: limit, maxBuffer: 1e9 },
  );
  if (timedOut) return { problem: `its backend did not answer within ${String(limit / 1000)} s` };
  if (failed) return { problem: `its state cannot be read: ${stderr.trim().split("\n").at(-1) ?? ""}` };
  return { exportedState: JSON.parse(stdout) as unknown };
}
