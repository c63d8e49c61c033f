import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";

const run = fileURLToPath(new URL("../../.ci/run", import.meta.url));
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "veza-ci-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs .ci/run with a program in npm's place; resolves with its exit code and its last line. */
async function withNpm(script: string): Promise<{ exitCode: number | undefined; last: string | undefined }> {
  const npm = join(folder, "npm");
  writeFileSync(npm, `#!/bin/sh\n${script}\n`);
  chmodSync(npm, 0o755);
  const ended = await execa(run, {
    reject: false,
    env: { PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}` },
  });
  return { exitCode: ended.exitCode, last: ended.stdout.split("\n").at(-1) };
}

describe(".ci/run", () => {
  it("ends with the line of the tests, and with their status", async () => {
    expect(await withNpm("echo '12 passed, 0 failed'")).toEqual({ exitCode: 0, last: "12 passed, 0 failed" });
    expect(await withNpm("echo '11 passed, 1 failed'; exit 1")).toEqual({
      exitCode: 1,
      last: "11 passed, 1 failed",
    });
  });

  it("has failed where the tests never came to count", async () => {
    expect(await withNpm("echo installing; exit 0")).toEqual({ exitCode: 1, last: "0 passed, 1 failed" });
    expect(await withNpm("kill -9 $$")).toEqual({ exitCode: 137, last: "0 passed, 1 failed" });
  });

  it("gives the tests no standard input to wait for", async () => {
    expect(await withNpm("read line && echo waited; echo '1 passed, 0 failed'")).toMatchObject({
      exitCode: 0,
    });
  });
});
