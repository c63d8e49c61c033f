import { execa } from "execa";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Progress } from "../tools/progress.ts";
import { load, machine, publish } from "./result.ts";
import { startSection, stepsIn, type Sample, type StartResult } from "./start/report.ts";
import { optionsFrom } from "./options.ts";

const repository = fileURLToPath(new URL("../", import.meta.url));

const options = z.object({
  /** The lab of this machine is removed and made anew. */
  yes: z.literal(true),
  /** Also from an empty cache: toolchain and images are made anew. */
  cold: z.boolean().default(false),
});
const spec = { yes: { type: "boolean" }, cold: { type: "boolean" } } as const;
const usage =
  "npm run bench start -- --yes [--cold]; it removes the lab of this machine and makes it anew, with --cold its images and the toolchain too";

/**
 * How long `npm run lab` takes in a fresh clone, and which of its steps take it.
 * @throws SetupError for options that it does not have, and without `--yes`
 */
export async function measureStart(words: readonly string[], progress: Progress): Promise<void> {
  const { cold } = optionsFrom(words, spec, options, usage);
  const folder = await mkdtemp(join(tmpdir(), "veza-start-"));
  const samples: Sample[] = [];
  // A Go that finds none of what it fetched and built before.
  const emptyGo = { GOPATH: join(folder, "go"), GOCACHE: join(folder, "go-build"), GOFLAGS: "-modcacherw" };
  const run = async (
    what: string,
    clone: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    samples.push(await progress.step(`${what}, load ${String(load())}`, () => timedLab(what, clone, env)));
  };
  const clone = async (name: string): Promise<string> => {
    await execa("git", ["clone", "--quiet", repository, join(folder, name)], { stdin: "ignore" });
    return join(folder, name);
  };
  const down = (...more: readonly string[]): Promise<unknown> =>
    progress.step("npm run lab:down", () => npm(repository, ["lab:down", "--", ...more]));
  try {
    if (cold) {
      await down("--all");
      await run("nothing cached", await clone("cold"), emptyGo);
    }
    await down();
    await run("toolchain, packages and images cached", await clone("first"));
    // It writes down once what waits for what: a new stack's containers do not.
    await run("the next one", join(folder, "first"));
    await run("nothing to do", join(folder, "first"));
    await run("another clone, nothing to do", await clone("second"));
    const result: StartResult = { ...(await machine()), samples };
    await publish("start", result, startSection(result));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timedLab(what: string, clone: string, env: Readonly<Record<string, string>>): Promise<Sample> {
  const before = load();
  const began = performance.now();
  const said = await npm(clone, ["lab"], env);
  return { case: what, seconds: (performance.now() - began) / 1000, steps: stepsIn(said), load: before };
}

async function npm(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { all } = await execa("npm", ["run", ...words], {
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "ignore",
    all: true,
    timeout: 3_600_000,
  });
  return all;
}
