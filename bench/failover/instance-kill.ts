import { setTimeout as delay } from "node:timers/promises";
import type { IncusProject } from "../../test/lab/support/incus.ts";
import { until } from "../../test/lab/support/until.ts";
import { load } from "../result.ts";
import type { Edge } from "./edges.ts";
import { WebClients, type ClientsSaw } from "./web-clients.ts";

/** What the clients of one edge met while an instance was killed and came back. */
export interface KillSample extends ClientsSaw {
  readonly who: string;
  readonly round: number;
  /** Of the machine, before it began. */
  readonly load: number;
}

/** The load runs so long before anything happens, and goes on so long when all is well again. */
const steadyMs = 2_000;
/** Longer than any of the edges needs to find out. */
const outageMs = 15_000;
/** Seconds in which every edge has to use the instance again. */
const returnSeconds = 90;

/**
 * Stops an instance's container as a power cut would, starts it again, and waits until it takes requests from every
 * edge. All of the edges live through the same kill, each under the same load.
 */
export async function killUnderLoad(
  edges: readonly Edge[],
  project: IncusProject,
  instance: string,
  round: number,
): Promise<readonly KillSample[]> {
  const before = load();
  const running = edges.map(({ name, url }) => ({ name, clients: new WebClients(url) }));
  const stopped = (): Promise<KillSample[]> =>
    Promise.all(
      running.map(async ({ name, clients }) => ({
        ...{ who: name, round, load: before },
        ...(await clients.stop()),
      })),
    );
  try {
    await delay(steadyMs);
    await project.stop(instance);
    await delay(outageMs);
    const started = performance.now();
    await project.start(instance);
    await Promise.all(
      running.map(({ name, clients }) =>
        until(
          `${name} uses ${instance} again`,
          () => Promise.resolve(clients.wasAnsweredBy(instance, started)),
          returnSeconds,
        ),
      ),
    );
    await delay(steadyMs);
  } catch (error) {
    await stopped();
    throw error;
  }
  return stopped();
}
