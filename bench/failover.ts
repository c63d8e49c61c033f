import { z } from "zod";
import { PostgresStack } from "../test/lab/support/postgres-stack.ts";
import type { Progress } from "../tools/progress.ts";
import { OtherEdges, ourEdge } from "./failover/edges.ts";
import { killUnderLoad, type KillSample } from "./failover/instance-kill.ts";
import { Ours } from "./failover/ours.ts";
import { settingsLike } from "./failover/patroni-config.ts";
import { installPatroni, type InstalledPatroni } from "./failover/patroni-install.ts";
import { Patroni } from "./failover/patroni.ts";
import { failoverSection, type FailoverResult } from "./failover/report.ts";
import { writeOutage, type WriteCase, type WriteSample } from "./failover/write-outage.ts";
import { machine, publish } from "./result.ts";
import { optionsFrom } from "./options.ts";

const options = z.object({
  /** Kills of an instance, and switchovers; half as many primaries are lost. */
  rounds: z.coerce.number().int().min(1).default(5),
});
const spec = { rounds: { type: "string" } } as const;
const usage = "npm run bench failover -- [--rounds 5]";

interface Measured<Sample> {
  readonly versions: string;
  readonly samples: readonly Sample[];
}

/**
 * What clients notice when an instance is killed, behind our edge and behind others, and when the Postgres primary moves
 * or is killed, by our commands and by Patroni.
 * @throws SetupError for options that it does not have
 */
export async function compareFailover(words: readonly string[], progress: Progress): Promise<void> {
  const { rounds } = optionsFrom(words, spec, options, usage);
  const installed = await progress.step("Patroni", installPatroni);
  const stack = await progress.step("Stack of two instances and two Postgres nodes", () =>
    PostgresStack.open({ api: [1, 2] }),
  );
  try {
    const kills = await killsOfInstances(stack, rounds, progress);
    const writes = await movesOfPrimary(stack, installed, rounds, progress);
    const result: FailoverResult = {
      ...(await machine()),
      versions: [kills.versions, writes.versions],
      kills: kills.samples,
      writes: writes.samples,
    };
    await publish("failover", result, failoverSection(result));
  } finally {
    await stack.close();
  }
}

async function killsOfInstances(
  { stack }: PostgresStack,
  rounds: number,
  progress: Progress,
): Promise<Measured<KillSample>> {
  const others = await progress.step("HAProxy and nginx", () => OtherEdges.open());
  try {
    const samples: KillSample[] = [];
    for (let round = 1; round <= rounds; round++) {
      const instance = `backend-api-${String(2 - (round % 2))}`;
      await progress.step(`${instance} is killed, round ${String(round)}`, async (note) => {
        const seen = await killUnderLoad([ourEdge, ...others.edges], stack.incus, instance, round);
        note(
          seen
            .map(
              ({ who, failed, outage }) => `${who}: ${String(failed)} failed, longest ${outage.toFixed(2)} s`,
            )
            .join("; "),
        );
        samples.push(...seen);
      });
    }
    return { versions: others.versions, samples };
  } finally {
    await others.close();
  }
}

async function movesOfPrimary(
  stack: PostgresStack,
  installed: InstalledPatroni,
  rounds: number,
  progress: Progress,
): Promise<Measured<WriteSample>> {
  const settings = await settingsOf(stack);
  const patroni = await progress.step("Cluster under Patroni", () =>
    Patroni.open(installed, settingsLike(settings)),
  );
  try {
    const samples: WriteSample[] = [];
    const inTurns = async (what: WriteCase, round: number): Promise<void> => {
      for (const contender of [new Ours(stack), patroni])
        await progress.step(`${what}, round ${String(round)}, ${contender.name}`, async (note) => {
          const sample = await writeOutage(contender, what, round);
          note(`no commit for ${sample.outage.toFixed(2)} s, load ${String(sample.load)}`);
          samples.push(sample);
        });
    };
    for (let round = 1; round <= rounds; round++) await inTurns("switchover", round);
    for (let round = 1; round <= Math.ceil(rounds / 2); round++) await inTurns("primary lost", round);
    const postgres = `PostgreSQL ${settings["server_version"]?.split(" ")[0] ?? "unknown"}`;
    return { versions: [postgres, installed.version, await patroni.etcdVersion()].join(", "), samples };
  } finally {
    await patroni.close();
  }
}

/** What our nodes' own file sets, by name; and Postgres' version. */
async function settingsOf(stack: PostgresStack): Promise<Readonly<Record<string, string>>> {
  const said = await stack.superuser(
    await stack.primary(),
    "SELECT name || '=' || current_setting(name) FROM pg_settings WHERE sourcefile LIKE '/etc/postgresql/veza/%' OR name = 'server_version'",
  );
  return Object.fromEntries(
    said.split("\n").map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
