import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { runTimed, type Taken } from "../test/lab/support/run-timed.ts";
import { LabStack } from "../test/lab/support/stack.ts";
import type { Progress } from "../tools/progress.ts";
import { load, machine, publish } from "./result.ts";
import { peakMemory } from "./scale/peak-memory.ts";
import { scaleConfig } from "./scale/config.ts";
import { scaleSection, type Sample, type ScaleResult } from "./scale/report.ts";
import { hostNames, openSite, type Site } from "./site.ts";
import { optionsFrom } from "./options.ts";

const launcher = fileURLToPath(new URL("../bin/pulumi", import.meta.url));

const options = z.object({
  /** Instances of both fleets together. */
  sizes: z
    .string()
    .default("4,16,50")
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.int().min(2).max(100))),
  /** Where the containers are. */
  hosts: z
    .string()
    .default("local,ssh")
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(hostNames))),
  rounds: z.coerce.number().int().min(1).default(3),
});
const spec = { sizes: { type: "string" }, hosts: { type: "string" }, rounds: { type: "string" } } as const;
const usage = "npm run bench scale -- [--sizes 4,16,50] [--hosts local,ssh] [--rounds 3]";

/**
 * How an update grows with the number of instances: first creation, one changed line, and nothing to do.
 * @throws SetupError for options that it does not have
 */
export async function measureScale(words: readonly string[], progress: Progress): Promise<void> {
  const { sizes, hosts, rounds } = optionsFrom(words, spec, options, usage);
  const samples: Sample[] = [];
  for (const host of hosts) {
    const site = await progress.step(`Host: ${host}`, () => openSite(host));
    try {
      for (const size of sizes) samples.push(await grow(site, size, rounds, progress));
    } finally {
      await site.close();
    }
  }
  const result: ScaleResult = { ...(await machine()), samples };
  await publish("scale", result, scaleSection(result));
}

/**
 * Waits until the machine is done with what a creation leaves it to do: until it has little more waiting than it has
 * cores, three minutes at most.
 */
async function rest(): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (load() > 1.2 * availableParallelism() && Date.now() < deadline) await delay(1000);
}

async function grow(site: Site, size: number, rounds: number, progress: Progress): Promise<Sample> {
  const stack = await LabStack.open();
  try {
    let cookie = 0;
    const up = (): Promise<Taken> => {
      const command = [launcher, "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name];
      return runTimed(command, stack.project, stack.backend);
    };
    const step = async <T>(what: string, work: () => Promise<T>): Promise<T> =>
      progress.step(`${site.name}, ${String(size)} instances: ${what}, load ${String(load())}`, work);

    const ask = (): Promise<void> =>
      stack.write(
        scaleConfig(site, { size, release: stack.release("one"), cookie: `VEZA_${String(cookie)}` }),
      );

    await ask();
    const created = await step("first creation", up);
    const settled = await step("the update after it", up);
    await step("waiting for the machine to come to rest", rest);
    const nothing: Taken[] = [];
    const line: Taken[] = [];
    for (let round = 1; round <= rounds; round++) {
      nothing.push(await step("nothing to do", up));
      cookie++;
      await ask();
      line.push(await step("one line", up));
    }
    // Apart: who looks at every process takes half a core from an update where there are a thousand.
    cookie++;
    await ask();
    const watched = peakMemory(stack.name);
    await step("one line, its memory", up);
    const memory = await watched.end();
    const state = z
      .object({ deployment: z.object({ resources: z.array(z.unknown()) }) })
      .parse(await stack.exportState());
    const resources = state.deployment.resources.length;
    const refused = await site.refusedConnections();
    return { host: site.name, size, resources, created, settled, nothing, line, memory, refused };
  } finally {
    await site.clear(stack.incus.name);
    await stack.close();
  }
}
