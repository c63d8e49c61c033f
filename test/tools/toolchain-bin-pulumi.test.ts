import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { execa } from "execa";

import { plainProgress } from "../../tools/progress.ts";
import { ensureToolchain, type Toolchain } from "../../tools/toolchain/index.ts";

const checkout = resolve(import.meta.dirname, "../..");
const launcher = join(checkout, "bin", "pulumi");
const stackFile = "# Kept as it is.\nconfig:\n    tiny:list:\n    - a   # four blanks\n";

let root: string;
let project: string;
let env: Record<string, string>;
let toolchain: Toolchain;

/** A project with a program of one line, and a state directory of its own. */
beforeAll(async () => {
  toolchain = await ensureToolchain(plainProgress(() => undefined));
  root = mkdtempSync(join(tmpdir(), "veza-bin-pulumi-"));
  project = join(root, "tiny");
  mkdirSync(join(project, "src"), { recursive: true });
  writeFileSync(
    join(project, "Pulumi.yaml"),
    "name: tiny\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: src/index.ts\n",
  );
  writeFileSync(join(project, "package.json"), '{"type":"module"}\n');
  symlinkSync(join(checkout, "node_modules"), join(project, "node_modules"));
  writeFileSync(join(project, "Pulumi.lab-tiny.yaml"), stackFile);
  program("export const node: string = process.version;");
  env = { XDG_STATE_HOME: join(root, "state"), PULUMI_CREDENTIALS_PATH: join(root, "credentials") };
}, 3_600_000);

afterAll(() => {
  // Which stack is selected is kept per user, not per state directory.
  const id = createHash("sha1").update(join(project, "Pulumi.yaml")).digest("hex");
  rmSync(join(toolchain.pulumiHome, "workspaces", `tiny-${id}-workspace.json`), { force: true });
  rmSync(root, { recursive: true });
});

function program(text: string): void {
  // As the real program does: here engines are killed, and their programs would go on for good.
  const watch = JSON.stringify(join(checkout, "src", "engine-watch.ts"));
  const begin = `import { endWithEngine } from ${watch};\nendWithEngine();\n`;
  writeFileSync(join(project, "src", "index.ts"), `${begin}${text}\n`);
}

function pulumi(...args: string[]) {
  return execa(launcher, args, { cwd: project, env, reject: false, timeout: 120_000 });
}

const locksDir = () => join(root, "state/veza-edge/pulumi/.pulumi/locks/organization/tiny/lab-tiny");
const locks = () => (existsSync(locksDir()) ? readdirSync(locksDir()) : []);

/** Starts an update that would take a minute; comes back when the program runs (so the lock is held). */
async function longUpdate({ onTerminal = false } = {}) {
  const running = join(root, "running");
  rmSync(running, { force: true });
  program(
    `import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(running)}, "");
await new Promise((done) => setTimeout(done, 60_000));`,
  );
  const words = [launcher, "up", "--yes", "--skip-preview", "--stack", "lab-tiny"];
  const [command = "", ...rest] = onTerminal ? ["script", "-qefc", words.join(" "), "/dev/null"] : words;
  const child = spawn(command, rest, {
    cwd: project,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | string | null>((done) => {
    child.on("close", (code, signal) => done(code ?? signal));
  });
  for (let i = 0; i < 600 && !existsSync(running); i++) await delay(100);
  const file = locks().find((name) => name.endsWith(".json")) ?? "no lock";
  const lock: unknown = JSON.parse(readFileSync(join(locksDir(), file), "utf8"));
  const owner = typeof lock === "object" && lock !== null && "pid" in lock ? Number(lock.pid) : NaN;
  return { child, owner, ended, output: () => output };
}

describe("bin/pulumi", () => {
  it("runs the pinned version and passes arguments and exit codes through", async () => {
    expect((await pulumi("version")).stdout).toBe(`v${toolchain.origins.cli.version}`);
    const wrong = await pulumi("no-such-command");
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr).toContain("no-such-command");
  });

  it("creates a missing stack, whose file gains its salt and is otherwise kept, and runs TypeScript as it is", async () => {
    const up = await pulumi("up", "--yes", "--skip-preview", "--stack", "lab-tiny");
    expect(up.stderr).toContain("Stack lab-tiny was new: created, Pulumi.lab-tiny.yaml has its salt now.");
    expect(up.stdout).toMatch(/node: "v2[2-9]\./);
    expect(up.exitCode).toBe(0);
    const after = readFileSync(join(project, "Pulumi.lab-tiny.yaml"), "utf8");
    expect(after).toMatch(/^encryptionsalt: v1:.*\n$/m);
    expect(after.replace(/^encryptionsalt: .*\n/m, "")).toBe(stackFile);
  }, 120_000);

  it("leaves a stack file alone that has its salt", async () => {
    const before = readFileSync(join(project, "Pulumi.lab-tiny.yaml"), "utf8");
    rmSync(join(root, "state"), { recursive: true });
    const preview = await pulumi("preview", "--stack", "lab-tiny");
    expect(preview.stderr).toContain("Stack lab-tiny was new: created.");
    expect(preview.exitCode).toBe(0);
    expect(readFileSync(join(project, "Pulumi.lab-tiny.yaml"), "utf8")).toBe(before);
  }, 120_000);

  it("asks for a stack when none is selected, and remembers the selected one", async () => {
    const none = await pulumi("preview");
    expect(none.stderr).toContain("no stack is selected for tiny; nothing was done. Add --stack lab");
    expect(none.exitCode).toBe(1);
    await pulumi("stack", "select", "lab-tiny");
    expect((await pulumi("stack", "--show-name")).stdout).toBe("lab-tiny");
    expect((await pulumi("preview")).exitCode).toBe(0);
  }, 120_000);

  it("refuses to keep another stack's state on this machine", async () => {
    writeFileSync(join(project, "Pulumi.prod.yaml"), "config: {}\n");
    const up = await pulumi("up", "--yes", "--stack", "prod");
    expect(up.stderr).toContain("stack prod has no backend");
    expect(up.exitCode).toBe(1);
    expect((await pulumi("stack", "init", "prod")).stderr).toContain("stack prod has no backend");
  });

  it("knows a login that is kept in the PULUMI_HOME of this shell", async () => {
    const home = join(root, "pulumi-home");
    const backend = join(root, "elsewhere");
    mkdirSync(home);
    mkdirSync(backend);
    writeFileSync(join(home, "credentials.json"), JSON.stringify({ current: `file://${backend}` }));
    const init = await execa(launcher, ["stack", "init", "prod", "--no-select"], {
      cwd: project,
      env: {
        XDG_STATE_HOME: join(root, "state"),
        PULUMI_HOME: home,
        PULUMI_CREDENTIALS_PATH: "",
        PULUMI_CONFIG_PASSPHRASE: "own",
      },
      reject: false,
    });
    expect(init.stderr).not.toContain("has no backend");
    expect(existsSync(join(backend, ".pulumi", "stacks", "tiny", "prod.json"))).toBe(true);
  }, 60_000);

  it("ends an update that lacks a secret before Pulumi starts, and says how to set it", async () => {
    const hosts = "{ main: { connection: ssh, address: edge.example.com } }";
    writeFileSync(join(project, "Pulumi.lab-ssh.yaml"), `config:\n  veza-edge:hosts: ${hosts}\n`);
    const up = await execa(launcher, ["up", "--yes", "--stack", "lab-ssh"], {
      cwd: project,
      env: { ...env, SSH_AUTH_SOCK: join(root, "no-agent") },
      reject: false,
    });
    expect(up.stderr).toContain("stack lab-ssh lacks a secret; nothing was updated.");
    expect(up.stderr).toContain(
      "bin/pulumi config set --stack lab-ssh --secret veza-edge:sshPrivateKey < FILE",
    );
    expect(up.exitCode).toBe(1);
  }, 60_000);

  it("tells a second update who holds the lock; an interrupt reaches Pulumi once", async () => {
    const first = await longUpdate();
    const second = await pulumi("up", "--yes", "--skip-preview", "--stack", "lab-tiny");
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain("stack lab-tiny is being updated by somebody else; nothing was done.");
    expect(second.stderr).toContain(`kill -INT ${first.owner}`);
    first.child.kill("SIGINT");
    expect(await first.ended).not.toBe(0);
    expect(first.output().split("^C received")).toHaveLength(2);
    expect(first.output()).toContain("update canceled");
    expect(locks().filter((name) => name.endsWith(".json"))).toEqual([]);
  }, 120_000);

  it("clears the lock of an update that was killed, and goes on", async () => {
    const first = await longUpdate();
    process.kill(first.owner, "SIGKILL");
    expect(await first.ended).toBe("SIGKILL");
    expect(first.output()).toContain("Pulumi was ended by SIGKILL");
    expect(locks()).not.toEqual([]);
    program("export const again = true;");
    const next = await pulumi("up", "--yes", "--skip-preview", "--stack", "lab-tiny");
    expect(next.stderr).toContain(
      `The lock on stack lab-tiny is cleared: its owner is dead (process ${first.owner} of `,
    );
    expect(next.exitCode).toBe(0);
    expect(locks()).toEqual([]);
  }, 120_000);

  it.each([
    ["on a terminal", true],
    ["without a terminal", false],
  ])(
    "takes Pulumi with it when it is killed itself, %s, and the next update goes on",
    async (_how, onTerminal) => {
      const first = await longUpdate({ onTerminal });
      const [, parent] = /\) \S (\d+) /.exec(readFileSync(`/proc/${first.owner}/stat`, "utf8")) ?? [];
      expect(readFileSync(`/proc/${parent}/cmdline`, "utf8")).toContain("src/ops/pulumi/main.ts");
      process.kill(Number(parent), "SIGKILL");
      await first.ended;
      program("export const again = true;");
      const next = await pulumi("up", "--yes", "--skip-preview", "--stack", "lab-tiny");
      expect(next.stderr).toContain(`is cleared: its owner is dead (process ${first.owner} of `);
      expect(next.exitCode).toBe(0);
    },
    120_000,
  );

  it.each([
    ["another machine", { pid: 1, hostname: `not-${hostname()}` }, "another machine"],
    ["a process that runs", { pid: process.pid, hostname: hostname() }, "it is running"],
  ])("does not clear the lock of %s", async (_name, owner, says) => {
    mkdirSync(locksDir(), { recursive: true });
    const file = join(locksDir(), "0.json");
    writeFileSync(file, JSON.stringify({ ...owner, username: "op", timestamp: new Date().toISOString() }));
    const up = await pulumi("up", "--yes", "--stack", "lab-tiny");
    expect(up.stderr).toContain(says);
    expect(up.exitCode).toBe(1);
    expect(existsSync(file)).toBe(true);
    rmSync(file);
  });

  it("clears the lock of a process whose number another process has now", async () => {
    mkdirSync(locksDir(), { recursive: true });
    const owner = {
      pid: process.pid,
      hostname: hostname(),
      username: "op",
      timestamp: "2020-01-01T00:00:00Z",
    };
    writeFileSync(join(locksDir(), "0.json"), JSON.stringify(owner));
    const up = await pulumi("up", "--yes", "--skip-preview", "--stack", "lab-tiny");
    expect(up.stderr).toContain("is cleared: its owner is dead");
    expect(up.exitCode).toBe(0);
  }, 120_000);

  it("costs less than 150 ms of CPU", async () => {
    // CPU and not the clock: other tests run on the same cores.
    const cpu = async (program: string) => {
      const script = 'TIMEFORMAT="%3U %3S"; time "$0" version >/dev/null 2>&1';
      const times: number[] = [];
      for (let i = 0; i < 5; i++) {
        const { stderr } = await execa("bash", ["-c", script, program], {
          cwd: project,
          env: { ...env, PULUMI_HOME: join(root, "home") },
        });
        times.push(stderr.split(" ").reduce((sum, seconds) => sum + Number(seconds) * 1000, 0));
      }
      return Math.min(...times);
    };
    const plain = await cpu(toolchain.pulumi);
    const ours = await cpu(launcher);
    expect(ours - plain).toBeLessThan(150);
  }, 60_000);
});
