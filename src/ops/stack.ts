import { execa } from "execa";
import { fileURLToPath } from "node:url";
import { readOutputs, type EdgeOutputs } from "../outputs.ts";
import type { ReachableHost } from "./host-shell.ts";

/** Folder of the Pulumi project. */
export const projectDirectory = new URL("../../", import.meta.url);

const launcher = fileURLToPath(new URL("bin/pulumi", projectDirectory));

/** A stack that was deployed, by its outputs. */
export interface DeployedStack {
  readonly name: string;
  readonly outputs: EdgeOutputs;
  /** How to reach a host of `outputs.hosts`. */
  host(name: string): ReachableHost;
}

/** What a person can mend: said without a stack trace. */
export class StackError extends Error {
  override readonly name = "StackError";
}

/**
 * Reads a stack's outputs; the stack is all the inventory there is.
 * @throws StackError when the stack was not deployed, or cannot be read
 */
export async function readStack(stack: string): Promise<DeployedStack> {
  const outputs = readOutputs(
    JSON.parse(await pulumi(["stack", "output", "edge", "--json", "--stack", stack])) as unknown,
  );
  const needsKey = Object.values(outputs.hosts).some((host) => host.connection === "ssh");
  const privateKey = needsKey ? await sshPrivateKey(stack) : undefined;
  return {
    name: stack,
    outputs,
    host(name) {
      const host = outputs.hosts[name];
      if (host === undefined) throw new StackError(`stack ${stack} has no host '${name}'`);
      return host.connection === "ssh" && privateKey !== undefined ? { ...host, privateKey } : host;
    },
  };
}

/**
 * A stack's state with its secrets in clear: it stays in this process.
 * @throws StackError when the stack cannot be read
 */
export async function exportStack(stack: string): Promise<unknown> {
  return JSON.parse(await pulumi(["stack", "export", "--show-secrets", "--stack", stack]));
}

/** The stack's own key, where it has one; without it ssh asks the agent. */
async function sshPrivateKey(stack: string): Promise<string | undefined> {
  const { stdout, failed } = await execa(launcher, ["config", "get", "sshPrivateKey", "--stack", stack], {
    cwd: projectDirectory,
    reject: false,
    stdin: "ignore",
  });
  return failed ? undefined : stdout;
}

async function pulumi(words: readonly string[]): Promise<string> {
  const { stdout, stderr, failed } = await execa(launcher, words, {
    cwd: projectDirectory,
    reject: false,
    stdin: "ignore",
  });
  if (failed)
    throw new StackError(
      `${stderr.trim()}\nThe stack cannot be read. Was it deployed? bin/pulumi up deploys it`,
    );
  return stdout;
}
