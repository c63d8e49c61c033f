import { setTimeout as delay } from "node:timers/promises";
import { longestSilence, type Acknowledged, type Database } from "../../test/lab/support/commit-client.ts";
import { until } from "../../test/lab/support/until.ts";
import { WriteLoad } from "../../test/lab/support/write-load.ts";
import { load } from "../result.ts";

/** Two Postgres nodes behind a router, and what moves the primary. */
export interface WriteContender {
  readonly name: string;
  /** Where clients write. */
  readonly database: Database;
  /** Resolves when one node takes writes and the other one follows it closely. */
  untilWell(): Promise<void>;
  /** Moves the primary, as planned; ends when its command does. */
  switchOver(): Promise<void>;
  /** Kills the primary's container, and does what its operator has to do then, at once. */
  losePrimary(): Promise<void>;
  /** Has the lost node follow again. */
  mend(): Promise<void>;
}

export type WriteCase = "switchover" | "primary lost";

export interface WriteSample {
  readonly who: string;
  readonly round: number;
  readonly case: WriteCase;
  /** Seconds: the longest time between two acknowledged commits, of all clients together. */
  readonly outage: number;
  /** Seconds: the same of the client that waited longest. */
  readonly slowest: number;
  readonly commits: number;
  /** Commits that were acknowledged and are not there. */
  readonly lost: number;
  /** Commits of the old primary that were acknowledged after one of the new. */
  readonly byBoth: number;
  /** Of the machine, before it began. */
  readonly load: number;
}

const writers = 4;
/** A client gives up a connection, or a statement, after so long and comes again. */
const patience = { connectionTimeoutMillis: 1_000, query_timeout: 1_000 } as const;
const steadyMs = 1_000;
/** Seconds in which every client has to write again. */
const returnSeconds = 120;

/** Moves the primary, one way or the other, while clients write. Both nodes are well before and after. */
export async function writeOutage(
  contender: WriteContender,
  what: WriteCase,
  round: number,
): Promise<WriteSample> {
  await contender.untilWell();
  const before = load();
  const clients = await WriteLoad.start({ ...contender.database, ...patience }, writers);
  const span = { begin: 0, end: 0 };
  try {
    await until("every client has written", () => Promise.resolve(clients.isUp()), returnSeconds);
    await delay(steadyMs);
    span.begin = performance.now();
    await (what === "switchover" ? contender.switchOver() : contender.losePrimary());
    const acted = performance.now();
    await until(
      "every client writes again",
      () => Promise.resolve(byClient(clients.acknowledged()).every((own) => (own.at(-1)?.at ?? 0) > acted)),
      returnSeconds,
    );
    span.end = performance.now();
  } finally {
    await clients.stop();
  }
  if (what === "primary lost") await contender.mend();
  // What is counted next must not come to the node that has just been left.
  await contender.untilWell();
  const all = clients.acknowledged();
  const silence = (commits: readonly Acknowledged[]): number =>
    longestSilence(commits, span.begin, span.end) / 1000;
  return {
    who: contender.name,
    round,
    case: what,
    outage: silence(all),
    slowest: Math.max(...byClient(all).map(silence)),
    commits: all.length,
    lost: (await clients.lost()).length,
    byBoth: clients.takenByTwoNodes().length,
    load: before,
  };
}

/** What each client was told, in order; every client has written. */
function byClient(acknowledged: readonly Acknowledged[]): readonly (readonly Acknowledged[])[] {
  return [...Map.groupBy(acknowledged, ({ client }) => client).values()];
}
