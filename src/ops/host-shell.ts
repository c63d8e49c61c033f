import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../incus/host.ts";

export type ReachableHost = Connection & { readonly privateKey?: string };

/** Where a host is, in words. */
export function hostLabel(host: ReachableHost): string {
  return host.connection === "local" ? "this machine" : `${host.user}@${host.address}:${String(host.port)}`;
}

/** A host did not do what it was told: says which, and what it answered. */
export class HostError extends Error {
  override name = "HostError";
  readonly host: ReachableHost;
  constructor(host: ReachableHost, message: string) {
    super(message);
    this.host = host;
  }
}

/**
 * Says a document to a host, with a time limit, the way the engine's commands do, and gives back what it printed.
 * @throws HostError when it cannot be reached, ends with another status than 0, or does not end in time
 */
export async function say(
  host: ReachableHost,
  document: string,
  action: string,
  limitSeconds: number,
): Promise<string> {
  const shell = `timeout --kill-after=5 ${String(limitSeconds)} bash -euo pipefail -s ${action}`;
  const options = { input: document, timeout: (limitSeconds + 30) * 1000, reject: false } as const;
  const directory = await mkdtemp(join(tmpdir(), "veza-ssh-"));
  try {
    const run = await (host.connection === "local"
      ? execa("sh", ["-c", shell], options)
      : execa("ssh", await sshArguments(host, directory, shell), options));
    if (!run.failed) return run.stdout;
    const said = run.stderr.trim();
    const where = hostLabel(host);
    if (run.timedOut || run.exitCode === 124) {
      throw new HostError(host, `${where} did not finish within ${String(limitSeconds)} s. ${said}`.trim());
    }
    const unreachable = host.connection === "ssh" && run.exitCode === 255;
    throw new HostError(
      host,
      unreachable ? `${where} cannot be reached: ${said}` : said || (run.shortMessage ?? "it failed"),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function sshArguments(
  host: Extract<ReachableHost, { connection: "ssh" }>,
  directory: string,
  shell: string,
): Promise<string[]> {
  const known = join(directory, "known_hosts");
  const name = host.port === 22 ? host.address : `[${host.address}]:${String(host.port)}`;
  await writeFile(known, `${name} ${host.hostKey}\n`);
  const identity: string[] = [];
  if (host.privateKey !== undefined) {
    const key = join(directory, "key");
    await writeFile(key, host.privateKey.endsWith("\n") ? host.privateKey : `${host.privateKey}\n`, {
      mode: 0o600,
    });
    identity.push("-i", key, "-o", "IdentitiesOnly=yes");
  }
  return [
    ...[
      "-F",
      "none",
      "-o",
      "BatchMode=yes",
      "-o",
      "StrictHostKeyChecking=yes",
      "-o",
      `UserKnownHostsFile=${known}`,
    ],
    ...[
      "-o",
      "GlobalKnownHostsFile=none",
      "-o",
      "ConnectTimeout=10",
      "-o",
      "ServerAliveInterval=15",
      "-o",
      "ServerAliveCountMax=4",
    ],
    ...identity,
    ...["-p", String(host.port), "-l", host.user, "--", host.address],
    host.user === "root" ? shell : `sudo --non-interactive ${shell}`,
  ];
}
