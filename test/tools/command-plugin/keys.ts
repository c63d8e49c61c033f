import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { execa } from "execa";

import { until } from "./until.ts";

export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export async function newKey(type: "ed25519" | "rsa" | "ecdsa"): Promise<KeyPair> {
  return inScratch(async (file) => {
    await execa("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "test", "-f", file]);
    return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8") };
  });
}

/** The same key, locked with a passphrase. */
export async function lockKey(privateKey: string, passphrase: string): Promise<string> {
  return inScratch(async (file) => {
    writeFileSync(file, privateKey, { mode: 0o600 });
    await execa("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", file]);
    return readFileSync(file, "utf8");
  });
}

/** An agent that holds one key. */
export async function startAgent(privateKey: string): Promise<{ socket: string; stop: () => void }> {
  const dir = mkdtempSync(join(tmpdir(), "agent-"));
  const socket = join(dir, "socket");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  await until(() => existsSync(socket));
  await execa("ssh-add", ["-q", "-"], { input: privateKey, env: { SSH_AUTH_SOCK: socket } });
  return {
    socket,
    stop() {
      agent.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function inScratch<T>(use: (file: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "key-"));
  try {
    return await use(join(dir, "key"));
  } finally {
    rmSync(dir, { recursive: true });
  }
}
