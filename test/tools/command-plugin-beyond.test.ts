/**
 * What the drop-in of tools/command-plugin promises on top of what the vendor's build does. Not for that one.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { local, remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation/index.js";

import { Fixture } from "./command-plugin/fixture.ts";
import { newKey } from "./command-plugin/keys.ts";
import { RawResource, type Run } from "./command-plugin/sandbox.ts";
import { until } from "./command-plugin/until.ts";
import { layWire, type Wire } from "./command-plugin/wire.ts";

// Nothing answers at this agent's socket.
const fixture = new Fixture({ SSH_AUTH_SOCK: "/nonexistent/agent" });

/** Live processes whose environment or command line has this word. */
function processesWith(word: string): number {
  return pidsWhere((environment, commandLine) => environment.includes(word) || commandLine.includes(word))
    .length;
}

function pidsWhere(is: (environment: string, commandLine: string) => boolean): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.map(Number).filter((pid) => {
    try {
      const text = (file: string) => readFileSync(join("/proc", String(pid), file), "utf8");
      return is(text("environ"), text("cmdline"));
    } catch {
      return false; // gone meanwhile
    }
  });
}

describe("a killed engine", () => {
  it("leaves neither the plugin behind, nor the command that it was at", async () => {
    const { files } = fixture.sandbox;
    const started = join(files, "killed.started");
    const mark = `killed-${process.pid}`;
    const up = fixture.sandbox.up("killed", async () => {
      new local.Command("long", { create: `export MARK=${mark}; touch ${started}; sleep 100` });
    });
    await until(() => existsSync(started));
    const home = join(files, "..", "home");
    const ofSandbox = (program: string): number[] =>
      pidsWhere((environment, words) => {
        const [called = ""] = words.split("\0");
        return environment.includes(`PULUMI_HOME=${home}`) && basename(called) === program;
      });
    const engines = ofSandbox("pulumi");
    expect(engines.length).toBeGreaterThan(0);
    expect(ofSandbox("pulumi-resource-command").length).toBeGreaterThan(0);
    for (const engine of engines) process.kill(engine, "SIGKILL");
    expect((await up).ok).toBe(false);
    await until(() => ofSandbox("pulumi-resource-command").length === 0);
    expect(processesWith(mark)).toBe(0);
  });
});

describe("an interrupted update", () => {
  it.each(["local", "remote"] as const)("ends at once for a %s command", async (kind) => {
    const mark = `marked-${kind}-${process.pid}`;
    const started = join(fixture.sandbox.files, `${kind}.started`);
    // The second sleep is in a process group of timeout(1)'s own.
    const create = `export MARK=${mark}; sleep 20 & timeout 30 sleep 20 & touch ${started}; wait`;
    const interrupt = new AbortController();
    const up = fixture.sandbox.up(
      `interrupted-${kind}`,
      async () => {
        if (kind === "local") new local.Command("long", { create });
        else new remote.Command("long", { connection: fixture.connection(), create });
      },
      { signal: interrupt.signal },
    );
    await until(() => existsSync(started));
    expect(processesWith(mark)).toBeGreaterThan(0);
    const interrupted = Date.now();
    interrupt.abort();
    const run = await up;

    expect(run.ok).toBe(false);
    expect(run.text).toMatch(/stopped \(context canceled\)/);
    expect(Date.now() - interrupted).toBeLessThan(15_000);
    // sshd passes no signal on to what runs as root: there timeout(1) has to do.
    if (kind === "local") expect(processesWith(mark)).toBe(0);
  });
});

describe("output that is not made of short lines of text", () => {
  let run: Run;

  beforeAll(async () => {
    run = await fixture.sandbox.up("output", async () => ({
      longLine: new local.Command("long", { create: "head -c 300000 /dev/zero | tr '\\0' z" }).stdout,
      longLineThere: new remote.Command("long", {
        connection: fixture.connection(),
        create: "head -c 300000 /dev/zero | tr '\\0' z",
      }).stdout,
      noText: new local.Command("no-text", { create: "printf 'a\\377b'" }).stdout,
    }));
  });

  it("is kept whole where a line is far longer than 64 KiB", () => {
    expect(run.outputs["longLine"]?.value).toBe("z".repeat(300_000));
    expect(run.outputs["longLineThere"]?.value).toBe("z".repeat(300_000));
  });

  it("has bytes replaced that are no UTF-8", () => {
    expect(run.outputs["noText"]?.value).toBe("a\uFFFDb");
  });
});

describe("a connection", () => {
  let wire: Wire;
  let run: Run;

  beforeAll(async () => {
    wire = await layWire();
    const stranger = await newKey("ed25519");
    run = await fixture.sandbox.up(
      "connections",
      async () => {
        const by = (name: string, changes: Partial<types.input.remote.ConnectionArgs>) =>
          new remote.Command(name, {
            connection: { ...fixture.connection(), ...changes },
            create: `echo by ${name}`,
          });
        by("rsa", { hostKey: fixture.sshd.hostKeys.rsa });
        by("ecdsa", { hostKey: fixture.sshd.hostKeys.ecdsa });
        by("mute", { port: wire.port, dialErrorLimit: 1, perDialTimeout: 1 });
        by("wrong", { hostKey: stranger.publicKey });
        new local.Command("no-dir", { create: "true", dir: "/nonexistent" });
      },
      { continueOnError: true },
    );
  });
  afterAll(() => wire.close());

  it.each(["rsa", "ecdsa"])("accepts the expected host key where the host has several: %s", (type) => {
    expect(run.text).toContain(`by ${type}`);
  });

  it("counts the log-in towards perDialTimeout: a host that accepts and says nothing is given up", () => {
    expect(run.text).toMatch(/after 2 failed attempts: 127\.0\.0\.1:\d+: no answer within 1s/);
    expect(run.ms).toBeLessThan(20_000);
  });

  it("is not tried again where the host shows a wrong key, and both fingerprints are named", () => {
    expect(run.text).toMatch(
      /wrong host key: 127\.0\.0\.1:\d+ shows ssh-ed25519 SHA256:\S+, but hostKey expects ssh-ed25519 SHA256:/,
    );
    expect(run.text).not.toMatch(/try \d failed \([^)]*host key/);
  });

  it("does without an agent that is gone when there is a key", () => {
    expect(run.text).not.toContain("/nonexistent/agent");
  });

  it("fails with the name of a working directory that is not there", () => {
    expect(run.text).toMatch(/working directory \(dir\): stat \/nonexistent: no such file or directory/);
  });
});

describe("a preview", () => {
  const refused: [string, () => unknown, RegExp][] = [
    [
      "assetPaths",
      () => new local.Command("a", { create: "true", assetPaths: ["*"] }),
      /assetPaths.*not implemented by this build/,
    ],
    [
      "archivePaths",
      () => new local.Command("a", { create: "true", archivePaths: ["*"] }),
      /archivePaths.*not implemented by this build/,
    ],
    [
      "a choice of `logging` that there is not",
      () => new RawResource("command:local:Command", "a", { create: "true", logging: "loud" }),
      /logging: must be "stdout", "stderr", "stdoutAndStderr" or "none", not "loud"/,
    ],
    [
      "a private key that cannot be read",
      () =>
        new remote.Command("a", {
          connection: { ...fixture.address(), privateKey: "no key" },
          create: "true",
        }),
      /connection\.privateKey.*cannot be read/,
    ],
    [
      "a host key that cannot be read",
      () =>
        new remote.Command("a", { connection: { ...fixture.address(), hostKey: "no key" }, create: "true" }),
      /connection\.hostKey.*cannot be read/,
    ],
    [
      "a connection with an unknown property",
      () =>
        new remote.Command("a", {
          connection: { ...fixture.connection(), ...{ hostkey: "typo" } },
          create: "true",
        }),
      /error: .*connection.*hostkey/s,
    ],
    [
      "a source that is put together from several",
      () =>
        new remote.CopyToRemote("a", {
          connection: fixture.connection(),
          source: new pulumi.asset.AssetArchive({ one: new pulumi.asset.StringAsset("1") }),
          remotePath: "/tmp/file",
        }),
      /source.*must be a FileArchive/,
    ],
  ];

  it.each(refused)("refuses %s", async (_, declare, message) => {
    const run = await fixture.sandbox.preview("refused", async () => {
      declare();
    });
    expect(run.ok).toBe(false);
    expect(run.text).toMatch(message);
    expect(run.text).not.toContain("PRIVATE KEY");
  });
});

it("copies again when the machine has changed", async () => {
  const copied = join(fixture.sandbox.files, "copied");
  const program =
    (perDialTimeout: number): PulumiFn =>
    async () => {
      const connection = { ...fixture.connection(), perDialTimeout };
      new remote.CopyToRemote("copy", {
        connection,
        source: new pulumi.asset.StringAsset("new"),
        remotePath: copied,
      });
    };
  await fixture.sandbox.up("copy", program(10));
  writeFileSync(copied, "another machine's");
  await fixture.sandbox.up("copy", program(11));
  expect(readFileSync(copied, "utf8")).toBe("new");
});
