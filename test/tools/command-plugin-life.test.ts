/**
 * What a program may rely on from any build of the command provider, the vendor's or the drop-in of
 * tools/command-plugin, held to it by real updates: what runs when.
 */
import { join } from "node:path";

import { beforeAll, describe, expect, it } from "@jest/globals";
import { local, remote } from "@pulumi/command";
import type { PulumiFn } from "@pulumi/pulumi/automation/index.js";

import { Fixture } from "./command-plugin/fixture.ts";
import type { Run } from "./command-plugin/sandbox.ts";

const fixture = new Fixture();

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
      `echo "${what} $(tr '\\n' ' ')after <$PULUMI_COMMAND_STDOUT>" >> ${join(fixture.sandbox.files, log)}`;
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
          : new remote.Command("life", {
              ...texts,
              connection: { ...fixture.connection(), perDialTimeout: dialTimeout },
            });
      return { stdout: command.stdout };
    };
  }

  let preview: Run;
  let linesAfterPreview: string[];
  const ups: { run: Run; news: string[] }[] = [];

  beforeAll(async () => {
    const act = async (what: () => Promise<Run>) => {
      const before = fixture.sandbox.lines(log).length;
      const run = await what();
      ups.push({ run, news: fixture.sandbox.lines(log).slice(before) });
    };
    await act(() => fixture.sandbox.up(kind, program(first)));
    preview = await fixture.sandbox.preview(kind, program(second));
    linesAfterPreview = fixture.sandbox.lines(log);
    await act(() => fixture.sandbox.up(kind, program(second)));
    await act(() => fixture.sandbox.up(kind, program(second)));
    await act(() => fixture.sandbox.up(kind, program(third)));
    await act(() => fixture.sandbox.up(kind, program(fourth)));
    await act(() => fixture.sandbox.destroy(kind));
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
