import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { prometheusPort } from "../../stacks/monitoring/src/scrape.ts";
import {
  labMonitoringProject,
  labStack,
  monitoringDirectory,
  type LabMonitoring,
} from "../machine/lab-stack.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Progress } from "../progress.ts";
import { changeStack, inWords } from "./pulumi.ts";

/** Words that make `bin/pulumi` work in the second project. */
export const inMonitoring: readonly string[] = ["-C", fileURLToPath(monitoringDirectory)];

/** Seconds that every target is given to be seen up: two rounds, and the first start of everything. */
const limitSeconds = 60;

/** Brings up what watches the lab; it reads the lab's outputs, so the lab is deployed before. */
export async function deployMonitoring(progress: Progress): Promise<void> {
  await progress.step(`Stack ${labStack} of monitoring`, async (note) => {
    note(inWords(await changeStack([...inMonitoring, "up", "--stack", labStack], note)));
  });
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
