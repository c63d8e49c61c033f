import { join } from "node:path";

import { expect, it } from "@jest/globals";
import { execa } from "execa";

import { findOrFetchGo } from "../../tools/toolchain/go.ts";
import { toolchainDir } from "../../tools/toolchain/find.ts";

it("the drop-in's own Go tests pass", async () => {
  const go = await findOrFetchGo(toolchainDir(), () => {});
  const cwd = join(import.meta.dirname, "..", "..", "tools", "command-plugin");
  // -trimpath as the build has it, so that both find each other's packages in Go's cache.
  const run = await execa(go.path, ["test", "-trimpath", "./engine", "./lifecycle", "./remote"], {
    cwd,
    all: true,
    reject: false,
  });
  expect(run.all).not.toContain("FAIL");
  expect(run.exitCode).toBe(0);
}, 600_000);
