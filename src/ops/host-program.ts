import { execa } from "execa";
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { quote } from "../shell/quote.ts";
import { readScript } from "../shell/read-script.ts";
import { asRoot, HostError, noSshClient, sshArguments, type ReachableHost } from "./host-shell.ts";

/** What a program has of this process. */
export interface ProgramChoices {
  /** Whether it reads standard input. One that does not ends on another machine, too, when this process has. @default true */
  readonly readsInput?: boolean;
}

/**
 * Runs a program on a host with this process' own standard input and output, a terminal included. Ctrl-C is the
 * program's affair meanwhile.
 * @param words the program and its arguments
 * @returns its exit code; 128 and the signal's number when a signal ended it, 255 also when ssh did not get through
 * @throws HostError when this machine has no ssh
 */
export async function runOnHost(
  host: ReachableHost,
  [program, ...words]: readonly [string, ...string[]],
  { readsInput = true }: ProgramChoices = {},
): Promise<number> {
  const secrets = await mkdtemp(join(tmpdir(), "veza-ssh-"));
  const isWatched = !readsInput && host.connection === "ssh" && !hasTerminal();
  const there = isWatched ? whileConnected(program, ...words) : [program, ...words];
  const [local, args] =
    host.connection === "local" ? [program, words] : ["ssh", await sshWords(host, there, secrets)];
  const stdin = isWatched ? "pipe" : "inherit";
  const running = execa(local, args, { stdin, stdout: "inherit", stderr: "inherit", reject: false });
  // On a terminal it has heard of Ctrl-C itself.
  const ignore = (): void => undefined;
  const forward = (signal: NodeJS.Signals): void => void running.kill(signal);
  process.on("SIGINT", process.stdin.isTTY ? ignore : forward);
  process.on("SIGTERM", forward);
  process.on("SIGHUP", forward);
  try {
    const ended = await running;
    if (ended.code === "ENOENT" && host.connection === "ssh") throw new HostError(host, noSshClient(host));
    if (ended.code === "ENOENT") throw new HostError(host, `this machine has no program ${program}`);
    return ended.exitCode ?? 128 + (ended.signal === undefined ? 0 : constants.signals[ended.signal]);
  } finally {
    process.off("SIGINT", ignore).off("SIGINT", forward).off("SIGTERM", forward).off("SIGHUP", forward);
    await rm(secrets, { recursive: true, force: true });
  }
}

async function sshWords(
  host: Extract<ReachableHost, { readonly connection: "ssh" }>,
  words: readonly string[],
  secrets: string,
): Promise<string[]> {
  const terminal = hasTerminal() ? ["-t"] : [];
  return [...terminal, ...(await sshArguments(host, secrets)), asRoot(host, words.map(quote).join(" "))];
}

/** With one, ssh makes one there too, and what runs in it ends with it. */
function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

function whileConnected(...words: readonly string[]): readonly string[] {
  return ["sh", "-c", readScript(import.meta.url, "while-connected.sh"), "sh", ...words];
}
