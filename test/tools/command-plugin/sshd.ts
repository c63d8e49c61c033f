import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { execa } from "execa";

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

const keyTypes = ["ed25519", "rsa", "ecdsa"] as const;

/** Starts it and waits until it listens. Throws where OpenSSH's server is not installed. */
export async function startSshd(): Promise<Sshd> {
  const binary = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find(existsSync);
  if (binary === undefined) throw new Error("no sshd on this machine: apt-get install openssh-server");
  const dir = mkdtempSync(join(tmpdir(), "sshd-"));
  for (const type of keyTypes) await newKey(join(dir, `host_${type}`), type);
  await newKey(join(dir, "client"), "ed25519");
  const port = await freePort();
  writeFileSync(join(dir, "config"), configuration(dir, port));
  // sshd separates its privileges into this folder, which its service would have made.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });

  const server = spawn(binary, ["-D", "-e", "-f", join(dir, "config")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 50 || server.exitCode !== null) throw new Error(`sshd does not listen on port ${port}:\n${log}`);
    await sleep(100);
  }

  const text = (file: string) => readFileSync(join(dir, file), "utf8");
  return {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    privateKey: text("client"),
    hostKeys: { ed25519: text("host_ed25519.pub"), rsa: text("host_rsa.pub"), ecdsa: text("host_ecdsa.pub") },
    async stop() {
      server.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A key that no server of ours knows or has. */
export async function strangerKey(): Promise<{ privateKey: string; publicKey: string }> {
  const dir = mkdtempSync(join(tmpdir(), "key-"));
  try {
    await newKey(join(dir, "key"), "ed25519");
    const text = (file: string) => readFileSync(join(dir, file), "utf8");
    return { privateKey: text("key"), publicKey: text("key.pub") };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on 127.0.0.1");
  return address.port;
}

function configuration(dir: string, port: number): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...keyTypes.map((type) => `HostKey ${join(dir, `host_${type}`)}`),
    `AuthorizedKeysFile ${join(dir, "client.pub")}`,
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

async function newKey(file: string, type: string): Promise<void> {
  await execa("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "test", "-f", file]);
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
