import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execa } from "execa";
import { fileURLToPath } from "node:url";
import type { ProgramChoices } from "../../src/ops/host-program.ts";
import type { ReachableHost } from "../../src/ops/host-shell.ts";
import { until } from "../lab/support/until.ts";
import { startSshd, type Sshd } from "./command-plugin/sshd.ts";

jest.setTimeout(60_000);
let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
}, 120_000);
afterAll(() => sshd.stop());

const module = fileURLToPath(new URL("../../src/ops/host-program.ts", import.meta.url));

/** Runs words on a host as a verb does: its own standard input and output are the program's. */
function run(host: ReachableHost, ...words: readonly string[]) {
  return start(host, words, {});
}

/** The same for words that read nothing. */
function startAlone(host: ReachableHost, ...words: readonly string[]) {
  return start(host, words, { readsInput: false });
}

function start(host: ReachableHost, words: readonly string[], choices: ProgramChoices) {
  const said = [host, words, choices].map((one) => JSON.stringify(one)).join(", ");
  const script = `import { runOnHost } from ${JSON.stringify(module)};
process.exitCode = await runOnHost(${said});`;
  return execa(process.execPath, ["--input-type=module", "-e", script], {
    input: "from here\n",
    reject: false,
    timeout: 60_000,
  });
}

describe.each(["local", "ssh"] as const)("a program on a host (%s)", (connection) => {
  const host = (): ReachableHost => {
    const { host: address, port, user, hostKeys, privateKey } = sshd;
    return connection === "local"
      ? { connection }
      : { connection, address, port, user, hostKey: hostKeys.ed25519, privateKey };
  };

  it("has our input and all its words, and ends as it ends", async () => {
    const script = 'read -r line; printf "%s|" "$line" "$@"; exit 7';
    const ended = await run(host(), "sh", "-c", script, "sh", "two words", "it's $HOME");
    expect(ended).toMatchObject({ exitCode: 7, stdout: "from here|two words|it's $HOME|" });
  });

  it("is ended with us", async () => {
    const running = run(host(), "sh", "-c", "echo on; exec sleep 50");
    running.stdout.once("data", () => running.kill("SIGTERM"));
    const { stdout, timedOut, exitCode } = await running;
    expect({ stdout, timedOut }).toEqual({ stdout: "on", timedOut: false });
    expect(exitCode).not.toBe(0);
  });
});

it("a program that reads nothing ends on the other machine, too, when we are killed", async () => {
  const { host: address, port, user, hostKeys, privateKey } = sshd;
  const host = { connection: "ssh", address, port, user, hostKey: hostKeys.ed25519, privateKey } as const;
  const seconds = `50.${String(process.pid)}`;
  const isThere = async (): Promise<boolean> =>
    !(await execa("pgrep", ["-xf", `sleep ${seconds}`], { reject: false })).failed;
  const running = startAlone(host, "sh", "-c", `echo on; exec sleep ${seconds}`);
  running.stdout.once("data", () => running.kill("SIGKILL"));
  await running;
  await until("it has ended there", async () => !(await isThere()));
  const ended = await startAlone(host, "sh", "-c", "cat; echo said; exit 7");
  expect([ended.exitCode, ended.stdout]).toEqual([7, "said"]);
}, 60_000);

it("a host that shows another key is not spoken to", async () => {
  const { host: address, port, user, privateKey } = sshd;
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mXq0m7kQz0mN0m8b3i2m1mO2k3m4n5o6p7q8r9s0t";
  const ended = await run({ connection: "ssh", address, port, user, hostKey, privateKey }, "true");
  expect(ended).toMatchObject({
    exitCode: 255,
    stderr: expect.stringContaining("Host key verification failed"),
  });
});
