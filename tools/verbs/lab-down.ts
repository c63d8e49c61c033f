import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { incusAnswers } from "../machine/incus.ts";
import { labMonitoringProject, labProject, labStack } from "../machine/lab-stack.ts";
import { projectsWhere, removeProjects } from "../machine/projects.ts";
import { runScript } from "../machine/script.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Progress } from "../progress.ts";
import { findToolchain } from "../toolchain/index.ts";
import { rootFile } from "./lab-names.ts";
import { inMonitoring } from "./lab-monitoring.ts";
import { changeStack, inWords, runPulumi } from "./pulumi.ts";

/**
 * `npm run lab:down`: removes the lab stack and whatever of it is left on this machine, also after its state was
 * lost. Incus itself stays; images and toolchain stay too, for the next time, unless `--all` is given.
 */
export async function labDown(words: readonly string[], progress: Progress): Promise<number> {
  const unknown = words.filter((word) => word !== "--all");
  if (unknown.length > 0) throw new SetupError(`lab-down knows --all only, and not ${unknown.join(" ")}`);
  if (process.getuid?.() !== 0)
    throw new SetupError("this needs root: run it with sudo, `sudo npm run lab:down`");

  await doAll([
    async () => {
      // First, because it reads what the other one tells.
      if (findToolchain() !== undefined)
        await destroyStack(`Stack ${labStack} of monitoring`, inMonitoring, progress);
    },
    async () => {
      if (findToolchain() !== undefined) await destroyStack(`Stack ${labStack}`, [], progress);
    },
    () => removeLeftovers(progress),
  ]);
  if (words.includes("--all")) await removeCaches(progress);
  return 0;
}

/**
 * Takes every step, also after one that failed: a sick Incus or a broken state is why people take the lab down.
 * @throws SetupError with what each failed step had to say, after the last
 */
export async function doAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: string[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(...(error instanceof Error ? error.message : String(error)).split("\n"));
    }
  }
  if (failures.length === 0) return;
  throw new SetupError(
    `not everything could be removed, for the reasons below; the rest was. Images and toolchain are kept. ` +
      `Once the reasons are gone, run this again; or forget the state of what is gone: bin/pulumi stack rm --force --stack ${labStack}`,
    failures,
  );
}

async function removeLeftovers(progress: Progress): Promise<void> {
  await progress.step("Leftovers", async (note) => {
    const left = await projectsWhere((name) => [labProject, labMonitoringProject].includes(name));
    await removeProjects(left);
    await rm(rootFile, { force: true });
    note(left.length === 0 ? "none" : `removed Incus project ${left.join(", ")}`);
  });
}

/** @param project words that lead to it; none: this one */
async function destroyStack(title: string, project: readonly string[], progress: Progress): Promise<void> {
  await progress.step(title, async (note) => {
    if (!(await stackExists(project))) {
      note("there is none");
      return;
    }
    const changes = await changeStack([...project, "destroy", "--stack", labStack], note);
    await runPulumi([...project, "stack", "rm", "--stack", labStack, "--yes", "--preserve-config"], note);
    note(inWords(changes));
  });
}

async function stackExists(project: readonly string[]): Promise<boolean> {
  const listed: unknown = JSON.parse(await runPulumi([...project, "stack", "ls", "--json"], () => undefined));
  return Array.isArray(listed) && listed.some(({ name }: { name?: unknown }) => name === labStack);
}

async function removeCaches(progress: Progress): Promise<void> {
  if (await incusAnswers()) {
    await progress.step("Images", async (note) => {
      const removed = await runScript({ name: "remove-images.sh", parameters: {}, limitSeconds: 120 });
      note(removed.length === 0 ? "none" : removed.join(", "));
    });
  }
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "veza-edge");
  await progress.step("Toolchain", async (note) => {
    await rm(cache, { recursive: true, force: true });
    note(`removed ${cache}`);
  });
}
