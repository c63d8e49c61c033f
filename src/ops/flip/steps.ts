import { setTimeout as delay } from "node:timers/promises";
import { look } from "../postgres/look.ts";
import type { PostgresSays } from "../postgres/says.ts";
import type { PostgresSite } from "../postgres/site.ts";
import type { Plan } from "./plan.ts";

export interface Step {
  /** Short and without spaces. */
  readonly name: string;
  /** What it does, as a careful person would say it. */
  readonly title: string;
  /** Whether clients cannot write while it runs. */
  readonly isOutage: boolean;
  run(): Promise<void>;
}

type Way = Extract<Plan, { readonly kind: "flip" | "finish" | "back" }>;

/** Seconds in which the standby replays the rest and is promoted; the node gives up before. */
const promoteSeconds = 90;
/** Seconds of a shutdown with all that clients have written since the checkpoint. */
const stopSeconds = 60;
const checkpointSeconds = 600;
/** Seconds in which an old primary is rewound, or copied anew. */
const rejoinSeconds = 21_600;
const reopenSeconds = 90;

/** The steps of a way, in order. What is asked of a node or a router twice changes nothing the second time. */
export function stepsOf(way: Way, site: PostgresSite, says: PostgresSays): readonly Step[] {
  switch (way.kind) {
    case "flip":
      return [...overSteps(way, says), ...afterSteps(way, site, says)];
    case "finish":
      return [close(way.from, says), ...afterSteps(way, site, says)];
    case "back":
      return backSteps(way, site, says);
  }
}

function overSteps({ from, to }: Way, says: PostgresSays): Step[] {
  let last: FinalPosition | undefined;
  return [
    {
      name: "checkpoint",
      title: `${from}: checkpoint, so that its shutdown is short`,
      isOutage: false,
      run: async () => {
        await says.node(from, ["checkpoint"], checkpointSeconds);
        // To begin something in a container takes about as long as to do it.
        await says.open();
      },
    },
    close(from, says),
    {
      name: "stop",
      title: `${from}: stop PgBouncer and Postgres, fence it, read the end of its WAL`,
      isOutage: true,
      run: async () => {
        last = finalPosition(await says.node(from, [`stop-clean flip to ${to}`], stopSeconds));
        if (last === undefined) throw new Error(`${from} was stopped and does not say where its WAL ends`);
      },
    },
    {
      name: "promote",
      title: `${to}: wait until it has replayed all of that, and promote it`,
      isOutage: true,
      run: async () => {
        if (last === undefined) throw new Error("nobody knows how far the standby has to be");
        await says.node(to, [`promote --after ${last.lsn}`], promoteSeconds);
      },
    },
  ];
}

function afterSteps({ from, to }: Way, site: PostgresSite, says: PostgresSays): Step[] {
  return [
    {
      name: "open",
      title: `routers: ${to} takes connections`,
      isOutage: true,
      run: async () => says.routers("open", to),
    },
    {
      name: "rejoin",
      title: `${from}: rewind it, or copy it anew, and have it follow ${to}`,
      isOutage: false,
      run: async () => {
        await says.close();
        if ((await stateOf(site, from)) === "standby") return;
        await says.node(from, ["demote"], rejoinSeconds);
      },
    },
    {
      name: "ready",
      title: `routers: ${from} takes part again, as a standby`,
      isOutage: false,
      run: async () => says.routers("ready", from),
    },
    ended(says),
  ];
}

function backSteps({ from }: Way, site: PostgresSite, says: PostgresSays): Step[] {
  return [
    {
      name: "reopen",
      title: `${from}: take the fence away, start it, and wait until it is the primary`,
      isOutage: true,
      run: async () => {
        await says.node(from, ["unfence"], reopenSeconds);
        const deadline = performance.now() + reopenSeconds * 1_000;
        for (;;) {
          const state = await stateOf(site, from);
          if (state === "primary") return;
          if (performance.now() > deadline)
            throw new Error(
              `${from} is ${state ?? "silent"} after ${String(reopenSeconds)} s instead of the primary. Nothing was promoted, and nothing takes writes. bin/veza topology says why; run this again when that is mended`,
            );
          await delay(200);
        }
      },
    },
    {
      name: "return",
      title: `routers: ${from} takes connections again`,
      isOutage: true,
      run: async () => says.routers("open", from),
    },
    ended(says),
  ];
}

function close(from: string, says: PostgresSays): Step {
  return {
    name: "close",
    title: `routers: no new connections to ${from}, and its sessions end in every worker`,
    isOutage: true,
    run: async () => says.routers("close", from),
  };
}

function ended(says: PostgresSays): Step {
  return {
    name: "ended",
    title: "write down that nothing is under way any more",
    isOutage: false,
    run: async () => says.note(undefined),
  };
}

async function stateOf(site: PostgresSite, name: string): Promise<string | undefined> {
  const { nodes } = await look(site, () => undefined);
  return nodes.find((node) => node.name === name)?.details?.state;
}

/** Where the WAL of a stopped primary ends. */
export interface FinalPosition {
  /** E.g. `0/3000028`. */
  readonly lsn: string;
  readonly timeline: number;
}

/** Reads it from what stop-clean printed; undefined where it is not there. */
export function finalPosition(printed: string): FinalPosition | undefined {
  const match = /^final ([0-9A-F]+\/[0-9A-F]+) ([0-9]+)$/m.exec(printed);
  if (match?.[1] === undefined) return undefined;
  return { lsn: match[1], timeline: Number(match[2]) };
}
