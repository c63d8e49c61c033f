import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { localBackendDir } from "../../src/ops/pulumi/environment.ts";
import { prometheusPort } from "../../stacks/monitoring/src/scrape.ts";
import {
  labMonitoringProject,
  labStack,
  monitoringDirectory,
  repository,
  type LabMonitoring,
} from "../machine/lab-stack.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Progress } from "../progress.ts";
import { changeStack, inWords } from "./pulumi.ts";

/** Words that make `bin/pulumi` work in the second project. */
export const inMonitoring: readonly string[] = ["-C", fileURLToPath(monitoringDirectory)];

/** Seconds that every target is given to be seen up: two rounds, and the first start of everything. */
const limitSeconds = 60;

/** What the lab's monitoring was last brought up from. */
export const digestFile = join(dirname(localBackendDir(process.env, homedir())), "lab-monitoring.sha256");

/**
 * Brings up what watches the lab; it reads the lab's outputs, so the lab is deployed before. Where neither the lab has
 * changed nor anything in the repository that either of them is made from, and Prometheus sees all, an update would
 * find nothing to do, and take half as long as the lab's own.
 */
export async function deployMonitoring(
  monitoring: LabMonitoring,
  labChanged: boolean,
  progress: Progress,
): Promise<void> {
  await progress.step(`Stack ${labStack} of monitoring`, async (note) => {
    const digest = await sourcesDigest();
    const last = await readFile(digestFile, "utf8").catch(() => "");
    if (!labChanged && last === digest && allUp(await lookAtTargets(monitoring))) {
      note("made from the same as before");
      return;
    }
    note(inWords(await changeStack([...inMonitoring, "up", "--stack", labStack], note)));
    await mkdir(dirname(digestFile), { recursive: true });
    await writeFile(digestFile, digest);
  });
}

/** Of everything that the lab and its monitoring are made from. */
async function sourcesDigest(): Promise<string> {
  const folders = await Promise.all(
    ["src", "templates", "stacks/monitoring"].map(async (folder) => {
      const entries = await readdir(new URL(folder, repository), { recursive: true, withFileTypes: true });
      return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
    }),
  );
  const files = ["Pulumi.lab.yaml", "package-lock.json"].map((name) =>
    fileURLToPath(new URL(name, repository)),
  );
  const hash = createHash("sha256");
  for (const file of [...files, ...folders.flat()].sort())
    hash.update(`${file}\n`).update(await readFile(file));
  return hash.digest("hex");
}

/**
 * Shows that Prometheus sees every target up.
 * @throws SetupError with those that it does not
 */
export async function proveMonitoring(monitoring: LabMonitoring, progress: Progress): Promise<void> {
  await progress.step("Proof of monitoring", async (note) => {
    note("asking");
    const deadline = Date.now() + limitSeconds * 1000;
    let targets = await lookAtTargets(monitoring);
    while (!allUp(targets) && Date.now() < deadline) {
      await sleep(500);
      targets = await lookAtTargets(monitoring);
    }
    if (!allUp(targets)) {
      const down = targets.filter(({ health }) => health !== "up");
      throw new SetupError(
        `the lab's Prometheus does not see all of it within ${String(limitSeconds)} s; the lab itself is deployed. Look at: incus list --project ${labMonitoringProject}`,
        down.map(
          ({ labels, lastError }) => `${labels["job"] ?? ""} of ${labels["instance"] ?? ""}: ${lastError}`,
        ),
      );
    }
    note(`${String(targets.length)} of ${String(targets.length)} targets up`);
  });
}

const answer = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        health: z.string(),
        lastError: z.string(),
      }),
    ),
  }),
});
type SeenTarget = z.infer<typeof answer>["data"]["activeTargets"][number];

function allUp(targets: readonly SeenTarget[]): boolean {
  return targets.length > 0 && targets.every(({ health }) => health === "up");
}

/** None while Prometheus does not answer. */
async function lookAtTargets({ address }: LabMonitoring): Promise<readonly SeenTarget[]> {
  const url = `http://${address}:${String(prometheusPort)}/api/v1/targets?state=active`;
  try {
    const asked = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    return answer.parse(await asked.json()).data.activeTargets;
  } catch {
    return [];
  }
}
