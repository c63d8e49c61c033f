/**
 * What a program may rely on from any build of the command provider, the vendor's or the drop-in of
 * tools/command-plugin: held to it by real updates. VEZA_COMMAND_PLUGIN is the binary to test.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { local, remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation/index.js";

import { RawResource, Sandbox, type Run } from "./command-plugin/sandbox.ts";
import { freePort, startSshd, strangerKey, type Sshd } from "./command-plugin/sshd.ts";
import { layWire, type Wire } from "./command-plugin/wire.ts";
import { until } from "./command-plugin/until.ts";

jest.setTimeout(120_000);

let sandbox: Sandbox;
let sshd: Sshd;

beforeAll(async () => {
  [sandbox, sshd] = await Promise.all([Sandbox.create(), startSshd()]);
});

afterAll(async () => {
  await sshd.stop();
  sandbox.dispose();
});

function connection(): { host: string; port: number; user: string; privateKey: string; hostKey: string } {
  const { host, port, user, privateKey, hostKeys } = sshd;
  return { host, port, user, privateKey, hostKey: hostKeys.ed25519 };
}

describe.each(["local", "remote"] as const)("the life of a %s command", (kind) => {
  interface Version {
    readonly stdin: string;
    /** Seconds; any input that is neither text nor trigger would do. */
    readonly dialTimeout: number;
    readonly trigger: string;
  }
  const first: Version = { stdin: "alpha\nbeta\ngamma\n", dialTimeout: 10, trigger: "a" };
  const second: Version = { ...first, stdin: "alpha\nBETA\ngamma\n" };
  const third: Version = { ...second, dialTimeout: 11 };
  const fourth: Version = { ...third, stdin: "delta\n", trigger: "b" };

  const log = `${kind}.log`;
  function program({ stdin, dialTimeout, trigger }: Version): PulumiFn {
    const note = (what: string) =>
      `echo "${what} $(tr '\\n' ' ')after <$PULUMI_COMMAND_STDOUT>" >> ${join(sandbox.files, log)}`;
    const texts = {
      create: `${note("create")}; echo created`,
      update: `${note("update")}; echo updated`,
      delete: note("delete"),
      stdin,
      triggers: [trigger],
    };
    return async () => {
      const command =
        kind === "local"
          ? new local.Command("life", { ...texts, environment: { TIMEOUT: `${dialTimeout}` } })
          : new remote.Command("life", { ...texts, connection: { ...connection(), perDialTimeout: dialTimeout } });
      return { stdout: command.stdout };
    };
  }

  let preview: Run;
  let linesAfterPreview: string[];
  const ups: { run: Run; news: string[] }[] = [];

  beforeAll(async () => {
    const act = async (what: () => Promise<Run>) => {
      const before = sandbox.lines(log).length;
      const run = await what();
      ups.push({ run, news: sandbox.lines(log).slice(before) });
    };
    await act(() => sandbox.up(kind, program(first)));
    preview = await sandbox.preview(kind, program(second));
    linesAfterPreview = sandbox.lines(log);
    await act(() => sandbox.up(kind, program(second)));
    await act(() => sandbox.up(kind, program(second)));
    await act(() => sandbox.up(kind, program(third)));
    await act(() => sandbox.up(kind, program(fourth)));
    await act(() => sandbox.destroy(kind));
  });

  it("begins with `create`, which gets stdin", () => {
    expect(ups[0]).toMatchObject({ run: { ok: true }, news: ["create alpha beta gamma after <>"] });
    expect(ups[0]?.run.outputs["stdout"]?.value).toBe("created");
  });

  it("shows a changed line of stdin in a preview, and runs nothing there", () => {
    expect(preview.text).toMatch(/^\s*- beta$/m);
    expect(preview.text).toMatch(/^\s*\+ BETA$/m);
    expect(preview.text).not.toMatch(/^\s*[-+] alpha$/m);
    expect(linesAfterPreview).toHaveLength(1);
  });

  it("goes on with `update`, which gets stdin and the output before", () => {
    expect(ups[1]).toMatchObject({ run: { ok: true }, news: ["update alpha BETA gamma after <created>"] });
    expect(ups[1]?.run.outputs["stdout"]?.value).toBe("updated");
  });

  it("runs nothing where nothing has changed", () => {
    expect(ups[2]).toMatchObject({ run: { ok: true }, news: [] });
  });

  it(`updates when its ${kind === "local" ? "environment" : "connection"} has changed`, () => {
    expect(ups[3]).toMatchObject({ run: { ok: true }, news: ["update alpha BETA gamma after <updated>"] });
  });

  it("is replaced by triggers: the new one created before the old one is deleted, each with its own stdin", () => {
    expect(ups[4]?.run.ok).toBe(true);
    expect(ups[4]?.news).toEqual(["create delta after <>", "delete alpha BETA gamma after <updated>"]);
  });

  it("ends with `delete`, which gets stdin and the output before", () => {
    expect(ups[5]).toMatchObject({ run: { ok: true }, news: ["delete delta after <created>"] });
  });
});

describe("what goes in and comes out", () => {
  const secret = "hush-e5b1c7";
  const megabyte = 1_000_000;
  let run: Run;

  beforeAll(async () => {
    const long = "x".repeat(99) + "\n";
    const stdin = long.repeat(megabyte / long.length);
    const bigOutput = `yes ${"y".repeat(99)} | head -n ${megabyte / 100}`;
    mkdirSync(join(sandbox.files, "source", "inner"), { recursive: true });
    writeFileSync(join(sandbox.files, "source", "one"), "1");
    writeFileSync(join(sandbox.files, "source", "inner", "two"), "2");
    const at = (...path: string[]) => join(sandbox.files, ...path);

    run = await sandbox.up("inout", async () => {
      const here = (name: string, args: local.CommandArgs) => new local.Command(name, args);
      const there = (name: string, args: Omit<remote.CommandArgs, "connection">) =>
        new remote.Command(name, { connection: connection(), ...args });
      const copy = (name: string, source: pulumi.asset.Asset | pulumi.asset.Archive, remotePath: string) =>
        new remote.CopyToRemote(name, { connection: connection(), source, remotePath });

      copy("file", new pulumi.asset.FileAsset(at("source", "one")), at("copied", "deep", "file"));
      copy("text", new pulumi.asset.StringAsset("a text"), at("copied", "text"));
      copy("directory", new pulumi.asset.FileArchive(at("source")), at("copied"));
      copy("contents", new pulumi.asset.FileArchive(at("source") + "/"), at("contents"));
      here("secret-here", { create: `cat > ${at("secret-here")}`, stdin: pulumi.secret(secret) });
      there("secret-there", { create: `cat > ${at("secret-there")}`, stdin: pulumi.secret(secret) });
      here("log-nothing", { create: "echo silent-one; echo silent-two >&2", logging: "none" });
      here("log-errors", { create: "echo silent-three; echo loud-three >&2", logging: "stderr" });
      there("log-output", { create: "echo loud-four; echo silent-four >&2", logging: "stdout" });
      there("log-all", { create: "echo loud-five; echo loud-six >&2" });
      return {
        hereTwoStreams: here("streams", { create: "printf 'out\\n\\n'; printf 'err\\n' >&2" }).stdout,
        hereStderr: here("stderr", { create: "printf 'out\\n'; printf 'err\\n' >&2" }).stderr,
        thereStderr: there("stderr", { create: "printf 'out\\n'; printf 'err\\n' >&2" }).stderr,
        surroundings: here("surroundings", {
          create: 'echo "$0 $PWD $GREETING"',
          interpreter: ["/bin/bash", "-c"],
          dir: at("source"),
          environment: { GREETING: "hello" },
        }).stdout,
        thereGreeting: there("greeting", { create: "echo $GREETING", environment: { GREETING: "hello" } }).stdout,
        hereBig: here("big", { create: bigOutput, logging: "none" }).stdout,
        thereBig: there("big", { create: bigOutput }).stdout,
        hereRead: here("read", { create: "wc -c", stdin }).stdout,
        thereRead: there("read", { create: "wc -c", stdin }).stdout,
        hereUnread: here("unread", { create: "echo done", stdin }).stdout,
        thereNothing: there("nothing", { delete: "true" }).stdout,
        proxied: new remote.Command("proxied", {
          connection: { ...connection(), proxy: connection() },
          create: "echo through",
        }).stdout,
      };
    });
  });

  function output(name: string): unknown {
    return run.outputs[name]?.value;
  }

  it("all of it succeeds", () => {
    expect(run.text).not.toContain("error:");
    expect(run.ok).toBe(true);
  });

  it("keeps both streams apart, without the last newline", () => {
    expect(output("hereTwoStreams")).toBe("out\n");
    expect(output("hereStderr")).toBe("err");
    expect(output("thereStderr")).toBe("err");
  });

  it("takes interpreter, dir and environment", () => {
    expect(output("surroundings")).toBe(`/bin/bash ${join(sandbox.files, "source")} hello`);
    expect(output("thereGreeting")).toBe("hello");
  });

  it("keeps 1 MB of output whole", () => {
    const expected = ("y".repeat(99) + "\n").repeat(megabyte / 100).slice(0, -1);
    expect(output("hereBig")).toBe(expected);
    expect(output("thereBig")).toBe(expected);
  });

  it("passes on 1 MB of stdin, and does not mind a command that leaves it unread", () => {
    expect(output("hereRead")).toBe(`${megabyte}`);
    expect(output("thereRead")).toBe(`${megabyte}`);
    expect(output("hereUnread")).toBe("done");
  });

  it("logs the streams that `logging` names, by default both", () => {
    const logged = run.text.split("\n").filter((line) => /^(loud|silent)-/.test(line));
    expect(logged.sort()).toEqual(["loud-five", "loud-four", "loud-six", "loud-three"]);
  });

  it("hands a secret stdin to the command, and shows it neither in state nor in any output", () => {
    expect(sandbox.lines("secret-here")).toEqual([]);
    expect(readFileSync(join(sandbox.files, "secret-here"), "utf8")).toBe(secret);
    expect(readFileSync(join(sandbox.files, "secret-there"), "utf8")).toBe(secret);
    expect(run.text).not.toContain(secret);
    expect(sandbox.state("inout")).not.toContain(secret);
  });

  it("keeps the private key of a connection out of state and output", () => {
    const line = sshd.privateKey.split("\n")[2] ?? "";
    expect(line).not.toBe("");
    expect(run.text).not.toContain(line);
    expect(sandbox.state("inout")).not.toContain(line);
  });

  it("runs nothing where there is no text to run", () => {
    expect(output("thereNothing")).toBe("");
  });

  it("reaches a machine through a bastion", () => {
    expect(output("proxied")).toBe("through");
  });

  it("copies files, texts and directories", () => {
    const text = (...path: string[]) => readFileSync(join(sandbox.files, ...path), "utf8");
    expect(text("copied", "deep", "file")).toBe("1");
    expect(text("copied", "text")).toBe("a text");
    expect(text("copied", "source", "inner", "two")).toBe("2");
    expect(text("contents", "one")).toBe("1");
    expect(text("contents", "inner", "two")).toBe("2");
  });
});

describe("what goes wrong", () => {
  const secret = "hush-9d04aa";
  let run: Run;
  let wire: Wire;
  let state: string;

  beforeAll(async () => {
    wire = await layWire(sshd.port);
    const closedPort = await freePort();
    const stranger = await strangerKey();
    const started = (name: string) => join(sandbox.files, `${name}.started`);
    const quick = { dialErrorLimit: 1, perDialTimeout: 5 };
    const program =
      (update: string): PulumiFn =>
      async () => {
        new local.Command("stays", { create: "true", update, stdin: update });
        if (update === "true") return;
        const failing = { create: "echo visible; echo reason >&2; exit 3", stdin: pulumi.secret(secret) };
        const there = (name: string, create: string, changes: object = {}) =>
          new remote.Command(name, { connection: { ...connection(), ...quick, ...changes }, create });
        new local.Command("fails-here", failing);
        new remote.Command("fails-there", { connection: connection(), ...failing });
        new local.Command("late-here", { create: "timeout 1 sleep 20" });
        there("late-there", "timeout 1 sleep 20");
        new local.Command("no-dir", { create: "true", dir: "/nonexistent" });
        there("wrong-host-key", `touch ${started("wrong-host-key")}`, { hostKey: stranger.publicKey });
        there("wrong-user-key", `touch ${started("wrong-user-key")}`, { privateKey: stranger.privateKey });
        there("unreachable", "true", { port: closedPort, dialErrorLimit: 2, perDialTimeout: 1 });
        there("cut", `touch ${started("cut")}; sleep 20`, { port: wire.port });
      };
    await sandbox.up("wrong", program("true"));
    let over = false;
    void until(() => over || startedExists("cut")).then(() => wire.cut());
    run = await sandbox.up("wrong", program("exit 4"), { continueOnError: true });
    over = true;
    state = sandbox.state("wrong");
  });
  afterAll(() => wire.close());

  function startedExists(name: string): boolean {
    return existsSync(join(sandbox.files, `${name}.started`));
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

  it("names a working directory that is not there", () => {
    expect(run.text).toMatch(/\/nonexistent: no such file or directory/);
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
    expect(run.text).toMatch(/after \d failed attempts: dial tcp 127\.0\.0\.1:\d+: connect: connection refused/);
  });

  it("ends a command whose connection is cut, as a failure", () => {
    expect(startedExists("cut")).toBe(true);
    expect(run.text).toMatch(/remote command exited without exit status/);
  });

  it("keeps none of what failed to be created in state", () => {
    const names = [...state.matchAll(/"urn": "urn:pulumi:wrong::parity::command:[^"]*::([^"]*)"/g)].map((hit) => hit[1]);
    expect(names).toEqual(["stays"]);
  });

  it("keeps the inputs of before where an update failed, so that the next one tries again", () => {
    expect(run.text).toContain(`exit status 4: running "exit 4"`);
    expect(state).not.toContain("exit 4");
  });
});

it.each([
  ["an input", "creat", () => new RawResource("command:local:Command", "typo", { create: "true", creat: "typo" })],
  [
    "an input of the connection",
    "hostkey",
    () => {
      const misspelt = { ...connection(), hostkey: "typo" };
      return new remote.Command("typo", { connection: misspelt, create: "true" });
    },
  ],
])("refuses %s that it does not know, in a preview already", async (_, name, declare) => {
  const run = await sandbox.preview("unknown", async () => {
    declare();
  });
  expect(run.ok).toBe(false);
  expect(run.text).toMatch(new RegExp(`Unrecognized property '${name}'|\\b${name}\\b`));
});
