/**
 * What a program may rely on from any build of the command provider, the vendor's or the drop-in of
 * tools/command-plugin, held to it by real updates: what goes wrong.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation/index.js";

import { Fixture } from "./command-plugin/fixture.ts";
import { newKey } from "./command-plugin/keys.ts";
import { RawResource, type Run } from "./command-plugin/sandbox.ts";
import { freePort } from "./command-plugin/sshd.ts";
import { until } from "./command-plugin/until.ts";
import { layWire, type Wire } from "./command-plugin/wire.ts";

const fixture = new Fixture();

describe("what goes wrong", () => {
  const secret = "hush-9d04aa";
  let run: Run;
  let wire: Wire;
  let state: string;

  beforeAll(async () => {
    wire = await layWire(fixture.sshd.port);
    const closedPort = await freePort();
    const stranger = await newKey("ed25519");
    const started = (name: string) => join(fixture.sandbox.files, `${name}.started`);
    const quick = { dialErrorLimit: 1, perDialTimeout: 5 };
    const program =
      (update: string): PulumiFn =>
      async () => {
        new local.Command("stays", { create: "true", update, stdin: update });
        if (update === "true") return;
        const failing = { create: "echo visible; echo reason >&2; exit 3", stdin: pulumi.secret(secret) };
        const there = (name: string, create: string, changes: object = {}) =>
          new remote.Command(name, { connection: { ...fixture.connection(), ...quick, ...changes }, create });
        new local.Command("fails-here", failing);
        new remote.Command("fails-there", { connection: fixture.connection(), ...failing });
        new local.Command("late-here", { create: "timeout 1 sleep 20" });
        there("late-there", "timeout 1 sleep 20");
        new local.Command("no-dir", { create: "true", dir: "/nonexistent" });
        there("wrong-host-key", `touch ${started("wrong-host-key")}`, { hostKey: stranger.publicKey });
        there("wrong-user-key", `touch ${started("wrong-user-key")}`, { privateKey: stranger.privateKey });
        there("unreachable", "true", { port: closedPort, dialErrorLimit: 2, perDialTimeout: 1 });
        there("cut", `touch ${started("cut")}; sleep 20`, { port: wire.port });
      };
    await fixture.sandbox.up("wrong", program("true"));
    let over = false;
    void until(() => over || startedExists("cut")).then(() => wire.cut());
    run = await fixture.sandbox.up("wrong", program("exit 4"), { continueOnError: true });
    over = true;
    state = fixture.sandbox.state("wrong");
  });
  afterAll(() => wire.close());

  function startedExists(name: string): boolean {
    return existsSync(join(fixture.sandbox.files, `${name}.started`));
  }

  it("fails the update, in time", () => {
    expect(run.ok).toBe(false);
    expect(run.ms).toBeLessThan(30_000);
  });

  it.each([
    ["fails-here", "exit status 3"],
    ["fails-there", "Process exited with status 3"],
  ])("%s: says the exit status, the command, and what it printed on both streams", (_, status) => {
    expect(run.text).toContain(`${status}: running "echo visible; echo reason >&2; exit 3":`);
    expect(run.text).toMatch(/^\s*visible$/m);
    expect(run.text).toMatch(/^\s*reason$/m);
  });

  it("does not show the secret stdin of a failed command", () => {
    expect(run.text).not.toContain(secret);
    expect(state).not.toContain(secret);
  });

  it("reports time-outs by the status of timeout(1)", () => {
    expect(run.text).toContain(`exit status 124: running "timeout 1 sleep 20"`);
    expect(run.text).toContain(`Process exited with status 124: running "timeout 1 sleep 20"`);
  });

  it("fails where the working directory is not there", () => {
    expect(run.text).toMatch(/no such file or directory: running "true"/);
  });

  it("refuses a host with another key, before anything runs there", () => {
    expect(run.text).toMatch(/host key/);
    expect(startedExists("wrong-host-key")).toBe(false);
  });

  it("says when a host does not let us in", () => {
    expect(run.text).toMatch(/unable to authenticate/);
    expect(startedExists("wrong-user-key")).toBe(false);
  });

  it("gives up on a host that cannot be reached after dialErrorLimit further tries", () => {
    expect(run.text).toMatch(
      /after \d failed attempts: dial tcp 127\.0\.0\.1:\d+: connect: connection refused/,
    );
  });

  it("ends a command whose connection is cut, as a failure", () => {
    expect(startedExists("cut")).toBe(true);
    expect(run.text).toMatch(/remote command exited without exit status/);
  });

  it("keeps none of what failed to be created in state", () => {
    const names = [...state.matchAll(/"urn":\s*"urn:pulumi:wrong::parity::command:[^"]*::([^"]*)"/g)].map(
      (hit) => hit[1],
    );
    expect(names).toEqual(["stays"]);
  });

  it("keeps the inputs of before where an update failed, so that the next one tries again", () => {
    expect(run.text).toContain(`exit status 4: running "exit 4"`);
    expect(state).not.toContain("exit 4");
  });
});

it("refuses an input that it does not know, in a preview already", async () => {
  const run = await fixture.sandbox.preview("unknown", async () => {
    new RawResource("command:local:Command", "typo", { create: "true", creat: "true" });
  });
  expect(run.ok).toBe(false);
  expect(run.text).toMatch(/error: .*'creat'/);
});
