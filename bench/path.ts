import { z } from "zod";
import type { Progress } from "../tools/progress.ts";
import { setUpContenders } from "./path/balancers.ts";
import { doorFor, kindNames, kinds, type Contender, type Kind } from "./path/contender.ts";
import { compareLines } from "./path/lines.ts";
import { measured, type Sample } from "./path/measure.ts";
import { buildPrograms } from "./path/programs.ts";
import { pathSection, type PathResult } from "./path/report.ts";
import { Stage } from "./path/stage.ts";
import { load, machine, publish } from "./result.ts";
import { optionsFrom } from "./options.ts";

const options = z.object({
  rounds: z.coerce.number().int().min(1).default(3),
  /** Of one run. */
  seconds: z.coerce.number().min(0.2).max(30).default(2),
  /** Instead of other load balancers, the rendered configuration without some of its lines. */
  lines: z.boolean().default(false),
});
const spec = { rounds: { type: "string" }, seconds: { type: "string" }, lines: { type: "boolean" } } as const;
const usage = "npm run bench path -- [--lines] [--rounds 3] [--seconds 2]";

/**
 * What a request costs on its way through the edge's HAProxy, beside a configuration that only balances, other load
 * balancers, and no load balancer at all: in turns, as fast as it goes, and then all at one rate.
 * @throws SetupError for options that it does not have, and on a machine with one core
 */
export async function comparePath(words: readonly string[], progress: Progress): Promise<void> {
  const { rounds, seconds, lines } = optionsFrom(words, spec, options, usage);
  const programs = await progress.step("Clients, servers and Caddy", buildPrograms);
  const stage = await progress.step("Containers", () => Stage.open(programs));
  try {
    if (lines) {
      await compareLines(stage, { rounds, seconds }, progress);
      return;
    }
    const contenders = await progress.step("Load balancers", (note) =>
      setUpContenders(stage, programs, note),
    );
    const samples: Sample[] = [];
    const rates = new Map<Kind, number>();
    for (let round = 1; round <= rounds; round++)
      for (const kind of kindNames) {
        const title = `Round ${String(round)} of ${String(rounds)}: ${kinds[kind].title}`;
        const all = contenders.filter((one) => doorFor(kind, one) !== undefined);
        samples.push(
          ...(await progress.step(title, async (note) => {
            note(`load ${String(load())}`);
            const saturated = await inTurns(stage, all, { kind, round, seconds, rate: 0 });
            if (!rates.has(kind)) rates.set(kind, halfOfTheSlowest(saturated));
            const rate = rates.get(kind) ?? 1;
            return [...saturated, ...(await inTurns(stage, all, { kind, round, seconds, rate }))];
          })),
        );
      }
    const versions = contenders.map(({ name, version }) => ({ name, version }));
    const result: PathResult = { ...(await machine()), seconds, versions, samples };
    await publish("path", result, pathSection(result));
  } finally {
    await stage.close();
  }
}

async function inTurns(
  stage: Stage,
  contenders: readonly Contender[],
  run: { readonly kind: Kind; readonly round: number; readonly seconds: number; readonly rate: number },
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (const contender of contenders) samples.push(await measured(stage, { contender, ...run }));
  return samples;
}

/** A rate at which nobody is at an end, so that times to answer say something. */
function halfOfTheSlowest(saturated: readonly Sample[]): number {
  return Math.floor(Math.min(...saturated.map(({ perSecond }) => perSecond)) / 2);
}
