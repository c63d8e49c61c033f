import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { newKey } from "./keys.ts";
import { findOpenssh } from "./openssh.ts";

/** A server of our own on 127.0.0.1, apart from the machine's. It logs this user in, by one key. */
export interface Sshd {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Text of the private key that opens it. */
  readonly privateKey: string;
  /** Its public host keys, one of each type. */
  readonly hostKeys: { readonly ed25519: string; readonly rsa: string; readonly ecdsa: string };
  stop(): Promise<void>;
}

/** Starts it and waits until it listens. */
export async function startSshd(): Promise<Sshd> {
  const openssh = await findOpenssh();
  const client = await newKey("ed25519");
  const hostKeys = {
    ed25519: await newKey("ed25519"),
    rsa: await newKey("rsa"),
    ecdsa: await newKey("ecdsa"),
  };
  const port = await freePort();

  const dir = mkdtempSync(join(tmpdir(), "sshd-"));
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const hostKeyFiles = Object.entries(hostKeys).map(([type, { privateKey }]) => write(type, privateKey));
  const config = write(
    "config",
    configuration(port, hostKeyFiles, write("authorized_keys", client.publicKey), openssh.settings),
  );
  // sshd separates its privileges into this folder, which its service would have made.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });

  const [program, ...args] = openssh.command;
  const server = spawn(program, [...args, "-D", "-e", "-f", config], {
    env: { ...process.env, ...openssh.env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 50 || server.exitCode !== null)
      throw new Error(`sshd does not listen on port ${port}:\n${log}`);
    await sleep(100);
  }
  const { ed25519, rsa, ecdsa } = hostKeys;
  return {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    privateKey: client.privateKey,
    hostKeys: { ed25519: ed25519.publicKey, rsa: rsa.publicKey, ecdsa: ecdsa.publicKey },
    async stop() {
      server.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on 127.0.0.1");
  return address.port;
}

function configuration(
  port: number,
  hostKeyFiles: readonly string[],
  authorizedKeys: string,
  settings: readonly string[],
): string {
  return [
    ...settings,
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...hostKeyFiles.map((file) => `HostKey ${file}`),
    `AuthorizedKeysFile ${authorizedKeys}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
    "AcceptEnv GREETING PULUMI_COMMAND_*",
    "Subsystem sftp internal-sftp",
    "PidFile none",
    "",
  ].join("\n");
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
