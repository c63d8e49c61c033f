import { setTimeout as delay } from "node:timers/promises";
import { poolNames } from "../../config/pool.ts";
import { certificatesOf } from "../certificates/certificates.ts";
import { containersOf } from "../containers.ts";
import { list } from "../converge/look.ts";
import { lookNoteKey, readLookNote, type LookNote } from "../drift/note.ts";
import { hostLabel } from "../host-shell.ts";
import { maintenanceSite } from "../maintenance/site.ts";
import { judge as judgeMaintenance, look as lookAtMaintenance } from "../maintenance/state.ts";
import { judge } from "../postgres/judge.ts";
import { look as lookAtPostgres } from "../postgres/look.ts";
import { postgresSite } from "../postgres/site.ts";
import type { DeployedStack } from "../stack.ts";
import { openStatistics, readStatistics, type Statistics } from "../statistics.ts";
import { trafficFrom, type ContainerStatus, type Part, type Status, type Traffic } from "./status.ts";

/** ms from one answer to the next question. Statistics are a request over a way that stays open; the others start programs. */
const every = {
  statistics: 1_000,
  containers: 5_000,
  database: 5_000,
  maintenance: 15_000,
  certificates: 60_000,
};

/** Asks all that a stack consists of, each part for itself: one that hangs or is gone does not keep the others back. */
export class StackWatch {
  readonly #stack: DeployedStack;
  readonly #hosts: ReadonlyMap<string, Asked<Awaited<ReturnType<typeof list>>>>;
  readonly #balancers: ReadonlyMap<string, Asked<Traffic>>;
  readonly #certificates: Asked<Awaited<ReturnType<typeof certificatesOf>>>;
  readonly #maintenance: Asked<Awaited<ReturnType<typeof maintenanceOf>>>;
  readonly #database: Asked<Awaited<ReturnType<typeof databaseOf>>> | undefined;
  readonly #open = new Map<string, Statistics>();
  readonly #closed = new AbortController();

  constructor(stack: DeployedStack) {
    const { hosts, project, loadBalancers, postgres } = stack.outputs;
    this.#stack = stack;
    this.#hosts = new Map(
      Object.keys(hosts).map((name) => {
        const site = { host: stack.host(name), project, recorded: [] };
        return [name, new Asked(() => list(site), every.containers)];
      }),
    );
    this.#balancers = new Map(
      loadBalancers.map(({ name }) => [name, new Asked(() => this.#traffic(name), every.statistics)]),
    );
    this.#certificates = new Asked(() => certificatesOf(stack, new Date()), every.certificates);
    this.#maintenance = new Asked(() => maintenanceOf(stack), every.maintenance);
    this.#database = postgres && new Asked(() => databaseOf(stack), every.database);
  }

  /** Asks everybody once. */
  async look(): Promise<Status> {
    await Promise.all(this.#asked().map((one) => one.ask()));
    return this.now();
  }

  /** Goes on asking until closed. */
  goOn(): void {
    for (const one of this.#asked()) void one.goOn(this.#closed.signal);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([...this.#open.values()].map((statistics) => statistics.close()));
  }

  /** What was answered last. */
  now(): Status {
    const { name, outputs } = this.#stack;
    return {
      stack: name,
      project: outputs.project,
      hosts: [...this.#hosts].map(([host, { last }]) => ({
        name: host,
        where: hostLabel(this.#stack.host(host)),
        update: "seen" in last ? { seen: last.seen.found.mark } : last,
      })),
      drift: this.#drift(),
      containers: this.#containers(),
      loadBalancers: outputs.loadBalancers.map((balancer) => ({
        name: balancer.name,
        traffic: this.#balancers.get(balancer.name)?.last ?? notYet,
      })),
      certificates: this.#certificates.last,
      maintenance: this.#maintenance.last,
      ...(this.#database && { database: this.#database.last }),
    };
  }

  /** A look is noted on all hosts that it has seen: the newest counts. */
  #drift(): Part<LookNote | null> {
    const seen = [...this.#hosts.values()].flatMap(({ last }) => ("seen" in last ? [last.seen] : []));
    if (seen.length === 0) return { problem: "no host says when somebody has looked for it" };
    const notes = seen.flatMap(({ listed }) => readLookNote(listed.project.config[lookNoteKey] ?? "") ?? []);
    return { seen: notes.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0] ?? null };
  }

  /** Those that should be there, then what else is in the stack's project. */
  #containers(): ContainerStatus[] {
    const wanted = containersOf(this.#stack.outputs);
    const found = (host: string) => {
      const last = this.#hosts.get(host)?.last ?? notYet;
      return "seen" in last ? last.seen.found.containers : undefined;
    };
    const others = [...this.#hosts.keys()].flatMap((host) =>
      (found(host) ?? [])
        .filter(({ name }) => !wanted.some((one) => one.name === name))
        .map(({ name, state }) => ({ name, host, address: "", state })),
    );
    return [
      ...wanted.map(({ name, host, address }) => {
        const on = found(host);
        const state = on === undefined ? "unknown" : on.find((one) => one.name === name)?.state;
        return { name, host, address, state: state ?? "absent" };
      }),
      ...others,
    ];
  }

  async #traffic(name: string): Promise<Traffic> {
    const balancer = this.#stack.outputs.loadBalancers.find((one) => one.name === name);
    if (balancer === undefined) throw new Error(`there is no load balancer ${name}`);
    const open = this.#open.get(name) ?? (await openStatistics(this.#stack, balancer));
    this.#open.set(name, open);
    if (this.#closed.signal.aborted) await open.close();
    try {
      return trafficFrom(await readStatistics(open.url), poolNames);
    } catch (error) {
      // The way itself may be what is broken.
      this.#open.delete(name);
      await open.close();
      throw error;
    }
  }

  #asked(): readonly Asked<unknown>[] {
    const database = this.#database === undefined ? [] : [this.#database];
    return [
      ...this.#hosts.values(),
      ...this.#balancers.values(),
      this.#certificates,
      this.#maintenance,
      ...database,
    ];
  }
}

async function maintenanceOf(stack: DeployedStack) {
  const state = await lookAtMaintenance(maintenanceSite(stack));
  return { ...judgeMaintenance(state), ...state };
}

async function databaseOf(stack: DeployedStack) {
  // Hosts that cannot be reached are told of once, by themselves.
  const topology = await lookAtPostgres(postgresSite(stack), () => undefined);
  return { ...judge(topology), ...topology };
}

const notYet = { problem: "it was not asked yet" } as const;

/** A question, and what was answered last. */
class Asked<T> {
  last: Part<T> = notYet;
  readonly #question: () => Promise<T>;
  readonly #everyMs: number;

  constructor(question: () => Promise<T>, everyMs: number) {
    this.#question = question;
    this.#everyMs = everyMs;
  }

  async ask(): Promise<void> {
    this.last = await this.#question().then(
      (seen) => ({ seen }),
      (error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }),
    );
  }

  async goOn(signal: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => {
        resolve();
      });
    });
    for (;;) {
      await Promise.race([delay(this.#everyMs, undefined, { ref: false }), closed]);
      if (signal.aborted) return;
      await this.ask();
    }
  }
}
