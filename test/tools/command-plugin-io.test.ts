/**
 * What a program may rely on from any build of the command provider, the vendor's or the drop-in of
 * tools/command-plugin, held to it by real updates: what goes in and comes out.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { beforeAll, describe, expect, it } from "@jest/globals";
import { local, remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

import { Fixture } from "./command-plugin/fixture.ts";
import { lockKey, startAgent } from "./command-plugin/keys.ts";
import type { Run } from "./command-plugin/sandbox.ts";

const fixture = new Fixture();

describe("what goes in and comes out", () => {
  const secret = "hush-e5b1c7";
  const megabyte = 1_000_000;
  let run: Run;

  beforeAll(async () => {
    const long = "x".repeat(99) + "\n";
    const stdin = long.repeat(megabyte / long.length);
    const bigOutput = `yes ${"y".repeat(99)} | head -n ${megabyte / 100}`;
    mkdirSync(join(fixture.sandbox.files, "source", "inner"), { recursive: true });
    writeFileSync(join(fixture.sandbox.files, "source", "one"), "1");
    writeFileSync(join(fixture.sandbox.files, "source", "inner", "two"), "2");
    const at = (...path: string[]) => join(fixture.sandbox.files, ...path);

    const agent = await startAgent(fixture.sshd.privateKey);
    const lockedKey = await lockKey(fixture.sshd.privateKey, "sesame");

    run = await fixture.sandbox.up("inout", async () => {
      const here = (name: string, args: local.CommandArgs) => new local.Command(name, args);
      const there = (name: string, args: Omit<remote.CommandArgs, "connection">) =>
        new remote.Command(name, { connection: fixture.connection(), ...args });
      const by = (name: string, connection: types.input.remote.ConnectionArgs) =>
        new remote.Command(name, { connection, create: "echo in" }).stdout;
      const copy = (name: string, source: pulumi.asset.Asset | pulumi.asset.Archive, remotePath: string) =>
        new remote.CopyToRemote(name, { connection: fixture.connection(), source, remotePath });

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
        thereGreeting: there("greeting", { create: "echo $GREETING", environment: { GREETING: "hello" } })
          .stdout,
        hereBig: here("big", { create: bigOutput, logging: "none" }).stdout,
        thereBig: there("big", { create: bigOutput }).stdout,
        hereRead: here("read", { create: "wc -c", stdin }).stdout,
        thereRead: there("read", { create: "wc -c", stdin }).stdout,
        hereUnread: here("unread", { create: "echo done", stdin }).stdout,
        thereNothing: there("nothing", { delete: "true" }).stdout,
        byProxy: by("proxied", { ...fixture.connection(), proxy: fixture.connection() }),
        byAgent: by("agent", { ...fixture.address(), agentSocketPath: agent.socket }),
        byLockedKey: by("locked", {
          ...fixture.address(),
          privateKey: lockedKey,
          privateKeyPassword: "sesame",
        }),
      };
    });
    agent.stop();
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
    expect(output("surroundings")).toBe(`/bin/bash ${join(fixture.sandbox.files, "source")} hello`);
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
    expect(readFileSync(join(fixture.sandbox.files, "secret-here"), "utf8")).toBe(secret);
    expect(readFileSync(join(fixture.sandbox.files, "secret-there"), "utf8")).toBe(secret);
    expect(run.text).not.toContain(secret);
    expect(fixture.sandbox.state("inout")).not.toContain(secret);
  });

  it("keeps the private key of a connection out of state and output", () => {
    const line = fixture.sshd.privateKey.split("\n")[2] ?? "";
    expect(line).not.toBe("");
    expect(run.text).not.toContain(line);
    expect(fixture.sandbox.state("inout")).not.toContain(line);
  });

  it("runs nothing where there is no text to run", () => {
    expect(output("thereNothing")).toBe("");
  });

  it.each(["byProxy", "byAgent", "byLockedKey"])("logs in %s", (way) => {
    expect(output(way)).toBe("in");
  });

  it("copies files, texts and directories", () => {
    const text = (...path: string[]) => readFileSync(join(fixture.sandbox.files, ...path), "utf8");
    expect(text("copied", "deep", "file")).toBe("1");
    expect(text("copied", "text")).toBe("a text");
    expect(text("copied", "source", "inner", "two")).toBe("2");
    expect(text("contents", "one")).toBe("1");
    expect(text("contents", "inner", "two")).toBe("2");
  });
});
