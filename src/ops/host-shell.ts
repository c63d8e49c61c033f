import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../incus/host.ts";

export type ReachableHost = Connection & { readonly privateKey?: string };
type SshHost = Extract<ReachableHost, { readonly connection: "ssh" }>;

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
 * @param directory where relative paths in it begin on this machine: the project's, for what the engine has recorded.
 *   Other machines have no such directory; there it is the home of whoever logs in.
 * @throws HostError when it cannot be reached, ends with another status than 0, or does not end in time
 */
export async function say(
  host: ReachableHost,
  document: string,
  action: string,
  limitSeconds: number,
  directory = ".",
): Promise<string> {
  const secrets = await mkdtemp(join(tmpdir(), "veza-ssh-"));
  try {
    const [program, words] = await shellWords(host, action, limitSeconds, secrets);
    const run = await execa(program, words, {
      input: document,
      timeout: (limitSeconds + 30) * 1000,
      reject: false,
      cwd: host.connection === "local" ? directory : ".",
    });
    if (!run.failed) return run.stdout;
    throw notDone(host, run, limitSeconds);
  } finally {
    await rm(secrets, { recursive: true, force: true });
  }
}

/** A program of this machine and its words, which read a document on standard input and run it on that host. */
export async function shellWords(
  host: ReachableHost,
  action: string,
  limitSeconds: number,
  secrets: string,
): Promise<[program: string, words: string[]]> {
  const shell = `timeout --kill-after=5 ${String(limitSeconds)} bash -euo pipefail -s ${action}`;
  return host.connection === "local"
    ? ["sh", ["-c", shell]]
    : ["ssh", [...(await sshArguments(host, secrets)), asRoot(host, shell)]];
}

interface Ended {
  readonly timedOut: boolean;
  readonly exitCode?: number | undefined;
  readonly code?: string | undefined;
  readonly stderr: string;
  readonly shortMessage?: string | undefined;
}

export function notDone(host: ReachableHost, run: Ended, limitSeconds: number): HostError {
  const said = run.stderr.trim();
  const where = hostLabel(host);
  if (run.timedOut || run.exitCode === 124) {
    return new HostError(host, `${where} did not finish within ${String(limitSeconds)} s. ${said}`.trim());
  }
  if (host.connection === "ssh") {
    if (run.code === "ENOENT") return new HostError(host, noSshClient(host));
    if (run.exitCode === 255) return new HostError(host, `${where} cannot be reached: ${notReached(said)}`);
  }
  return new HostError(host, said || (run.shortMessage ?? "it ended without an answer"));
}

/** What to have ssh(1) run so that it runs as root there. */
export function asRoot(host: SshHost, shell: string): string {
  return host.user === "root" ? shell : `sudo --non-interactive ${shell}`;
}

/** Why ssh(1) did not get through, and what to do about it; its own words on a wrong key send people astray. */
export function notReached(said: string): string {
  if (said.includes("Host key verification failed")) {
    const shown = /SHA256:[A-Za-z0-9+/]+/.exec(said)?.[0];
    return `it shows another host key${shown === undefined ? "" : ` (${shown})`} than hostKey in veza-edge:hosts, so nothing was said to it. Either it is another machine, or it was installed anew: compare with its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) before changing hostKey`;
  }
  if (said.includes("Permission denied"))
    return `it does not let us in (${said}). The key has to be in this shell's agent (ssh-add -l shows them), or be the stack's secret veza-edge:sshPrivateKey; and in authorized_keys there`;
  return said.replaceAll(/\r?\n/g, "; ") || "the connection was cut";
}

/** What to tell the person where the machine that this runs on has no ssh(1). */
export function noSshClient(host: ReachableHost): string {
  return `${hostLabel(host)} cannot be reached: this machine has no program ssh (apt-get install openssh-client)`;
}

/**
 * The words for ssh(1) up to the host, without what to do there: nothing of the user's own configuration counts, and
 * only the configured host key is believed.
 * @param directory a private one that outlives the call; the key is written there
 */
export async function sshArguments(host: SshHost, directory: string): Promise<string[]> {
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
  const settings = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${known}`,
    "GlobalKnownHostsFile=none",
    "ConnectTimeout=10",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
  ];
  return [
    "-F",
    "none",
    ...settings.flatMap((setting) => ["-o", setting]),
    ...identity,
    ...["-p", String(host.port), "-l", host.user, "--", host.address],
  ];
}
