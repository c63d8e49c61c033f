import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hostsSchema } from "../../config/hosts.ts";
import { readStackFile } from "../../config/stack-file.ts";
import type { DeployedState } from "../converge/index.ts";
import { sitesOf, type Site } from "../converge/sites.ts";
import { recordedCommands, type RecordedCommand } from "../recorded.ts";
import { exportStack, projectDirectory, StackError } from "../stack.ts";

/** What was applied to a stack. */
export interface Applied {
  /** In the order of the state, which is the order of dependencies. */
  readonly recorded: readonly RecordedCommand[];
  readonly sites: readonly Site[];
  /** Folder of the Pulumi project: relative paths in what was said begin there. */
  readonly directory: string;
}

/**
 * Reads what was applied to a stack.
 * @throws StackError when the stack cannot be read, or nothing is deployed
 */
export async function readApplied(stack: string): Promise<Applied> {
  const exportedState = await exportStack(stack);
  const directory = fileURLToPath(projectDirectory);
  const applied = appliedOf({ exportedState, directory, hosts: configuredHosts(stack, exportedState) });
  if (applied.sites.length === 0)
    throw new StackError(`stack ${stack} has nothing on any host. bin/pulumi up deploys it`);
  return applied;
}

/** The same from a state that was read already. */
export function appliedOf({ exportedState, directory, hosts }: DeployedState): Applied {
  const recorded = recordedCommands(exportedState);
  return { recorded, sites: sitesOf(recorded, hosts), directory };
}

/**
 * The hosts as the stack's file has them now, each with the key that the last update logged in with. A file with mistakes
 * has none, and hosts are reached as the state says.
 */
function configuredHosts(stack: string, exportedState: unknown): DeployedState["hosts"] {
  if (!existsSync(new URL(`Pulumi.${stack}.yaml`, projectDirectory))) return {};
  const hosts = hostsSchema.safeParse(readStackFile(stack, projectDirectory)["veza-edge:hosts"]);
  if (!hosts.success) return {};
  const privateKey = recordedCommands(exportedState).find(({ connection }) => connection.privateKey)
    ?.connection.privateKey;
  return Object.fromEntries(
    Object.entries(hosts.data).map(([name, host]) => [
      name,
      host.connection === "ssh" && privateKey !== undefined ? { ...host, privateKey } : host,
    ]),
  );
}
