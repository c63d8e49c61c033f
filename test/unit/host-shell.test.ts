import { describe, expect, it } from "@jest/globals";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostError, say } from "../../src/ops/host-shell.ts";

const here = { connection: "local" } as const;

describe("a document said to this machine", () => {
  it("finds relative paths in the given directory, wherever the command was called", async () => {
    const directory = await realpath(await mkdtemp(join(tmpdir(), "veza-project-")));
    expect(await say(here, "pwd\n", "apply", 10, directory)).toBe(directory);
    expect(await say(here, "pwd\n", "apply", 10)).toBe(process.cwd());
    await rm(directory, { recursive: true });
  });

  it("gets its action as its argument, and fails with its own words", async () => {
    expect(await say(here, 'echo "$1"\n', "delete", 10)).toBe("delete");
    const failure = say(here, "echo no such thing >&2; exit 3\n", "apply", 10);
    await expect(failure).rejects.toThrow(HostError);
    await expect(failure).rejects.toThrow("no such thing");
  });

  it("is ended at its limit, which is said", async () => {
    await expect(say(here, "sleep 30\n", "apply", 1)).rejects.toThrow("did not finish within 1 s");
  }, 20_000);
});
