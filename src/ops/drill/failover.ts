import { setTimeout as delay } from "node:timers/promises";
import { serverStatus } from "../../haproxy/runtime.ts";
import type { HttpReport, LoadReport } from "../load/report.ts";
import { startLoad, type Load } from "../load/start-load.ts";
import { drillLoad, probeLoad } from "./load-profile.ts";
import { failoverLimits, judgeFailover, type FailoverLimits, type PromiseResult } from "./promises.ts";
import { poolServers, ServerWatch } from "./server-watch.ts";
import { DrillError, type DrillInstance, type DrillOutput, type DrillTarget } from "./target.ts";

export interface FailoverOptions {
  /** Name of the instance to kill; default: the first of `api_pool`. */
  readonly instance?: string;
  /** Requests per second of each group of clients; default 150. */
  readonly perSecond?: number;
  /** WebSocket clients; default 20. With 0 nothing is shown about WebSockets. */
  readonly webSockets?: number;
  /** Time the load runs before the kill, s; default 3. */
  readonly warmUpSeconds?: number;
  /** Time the outage lasts after the server was DOWN, s; default 5. */
  readonly outageSeconds?: number;
  /** Time the load goes on after the server took traffic again, s; default 5. */
  readonly recoverySeconds?: number;
  readonly limits?: Partial<FailoverLimits>;
  /** Ends the drill early, with the instance put back. Ctrl-C and SIGTERM do so without it. */
  readonly signal?: AbortSignal;
}

/** All that was seen and how it is judged. Plain data, fit for JSON. */
export interface DrillReport {
  readonly drill: "failover";
  readonly instance: DrillInstance;
  /** Every promise kept. */
  readonly kept: boolean;
  readonly promises: readonly PromiseResult[];
  /** Milliseconds from the beginning of the drill. */
  readonly timeline: readonly { readonly atMs: number; readonly event: string }[];
  /** From the kill; from the start; from UP to the first answer. Undefined: did not happen in the time given. */
  readonly downAfterMs: number | undefined;
  readonly upAfterMs: number | undefined;
  readonly servedAgainAfterMs: number | undefined;
  readonly load: LoadReport;
}

/** Waited for, so that a broken promise shows by how much; the promise is in the limits. */
const downWaitMs = 30_000;
const trafficWaitMs = 15_000;
const putBackAttempts = 3;

/**
 * Kills one instance hard under load and judges what clients noticed. Whatever happens after the kill, the instance
 * is started again before this returns or throws.
 *
 * @throws DrillError when the edge is not fit for a drill (nothing was touched then), when interrupted, or when
 * something about the drill itself failed. A broken promise does not throw: it is in the report.
 */
export async function runFailoverDrill(
  target: DrillTarget,
  options: FailoverOptions,
  output: DrillOutput,
): Promise<DrillReport> {
  const drill = new FailoverDrill(target, options, output);
  return drill.run();
}

class FailoverDrill {
  readonly #target: DrillTarget;
  readonly #options: FailoverOptions;
  readonly #output: DrillOutput;
  readonly #limits: FailoverLimits;
  readonly #instance: DrillInstance;
  readonly #interrupted = new AbortController();
  readonly #signal: AbortSignal;
  readonly #began = performance.now();
  readonly #timeline: { atMs: number; event: string }[] = [];
  #state: "untouched" | "stopped" | "started again" = "untouched";

  constructor(target: DrillTarget, options: FailoverOptions, output: DrillOutput) {
    this.#target = target;
    this.#options = options;
    this.#output = output;
    this.#limits = { ...failoverLimits, ...options.limits };
    this.#instance = chooseInstance(target.instances, options.instance);
    this.#signal = AbortSignal.any([this.#interrupted.signal, ...(options.signal ? [options.signal] : [])]);
  }

  async run(): Promise<DrillReport> {
    const { name, pool, server } = this.#instance;
    const interrupt = (signal: NodeJS.Signals): void => {
      this.#say(
        `${signal}: ending the drill${this.#state === "stopped" ? `, putting ${name} back first` : ""}`,
      );
      this.#interrupted.abort();
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, interrupt);

    let load: Load | undefined;
    let watch: ServerWatch | undefined;
    try {
      await this.#allServersUp();
      const probesBefore = await this.#probe("1 before the kill");
      if (probesBefore.failed > 0) throw new Error("the edge does not answer every request");

      load = startLoad(
        drillLoad(this.#target, pool, {
          perSecond: this.#options.perSecond ?? 150,
          webSockets: this.#options.webSockets ?? 20,
        }),
      );
      watch = new ServerWatch(this.#target.statsUrl, pool, server, (status) =>
        this.#say(`  ${server} is ${status}`),
      );
      await this.#warmUp(load);

      const downAfterMs = await this.#kill(watch);
      const probesDuring = await this.#probe("4 during the outage");
      await this.#sleep((this.#options.outageSeconds ?? 5) * 1_000);
      const upAfterMs = await this.#startAgain(watch);
      const servedAgainAfterMs =
        upAfterMs === undefined ? undefined : await this.#answersAgain(load, trafficWaitMs);
      await this.#sleep((this.#options.recoverySeconds ?? 5) * 1_000);
      await this.#enoughRequests(load);

      const seen = { load: await load.stop(), downAfterMs, upAfterMs, servedAgainAfterMs };
      const promises = judgeFailover({ ...seen, instance: name, probesBefore, probesDuring }, this.#limits);
      return {
        drill: "failover",
        instance: this.#instance,
        kept: promises.every(({ kept }) => kept),
        promises,
        timeline: this.#timeline,
        ...seen,
      };
    } catch (error) {
      const reason = this.#signal.aborted ? "the drill was interrupted" : messageOf(error);
      throw new DrillError(`${reason}\n${await this.#putBackAfterError(load)}`, { cause: error });
    } finally {
      await load?.stop();
      watch?.close();
      for (const signal of signals) process.off(signal, interrupt);
    }
  }

  async #allServersUp(): Promise<void> {
    const { pool, server } = this.#instance;
    const servers = await poolServers(this.#target.statsUrl, pool).catch((error: unknown) => {
      throw new Error(`HAProxy's statistics at ${this.#target.statsUrl} do not answer: ${messageOf(error)}`);
    });
    const described = servers.map(({ name, status }) => `${name} ${status}`).join(", ");
    if (!servers.some(({ name }) => name === server)) {
      throw new Error(`${pool} has no server ${server}, only: ${described || "none"}`);
    }
    if (servers.length < 2) {
      throw new Error(`${pool} has no other server than ${server}: killing it would be an outage`);
    }
    if (!servers.every((stat) => serverStatus(stat) === "up")) {
      throw new Error(`a drill needs every server of ${pool} UP, but now: ${described}`);
    }
    this.#say(`0 every server of ${pool} is up: ${described}`);
  }

  async #warmUp(load: Load): Promise<void> {
    await this.#sleep((this.#options.warmUpSeconds ?? 3) * 1_000);
    const { http, webSockets } = load.snapshot();
    const groups = http.map(({ name, requests }) => `${requests} ${name} requests`);
    const sockets =
      webSockets === undefined ? [] : [`${webSockets.connected} of ${webSockets.clients} WebSockets open`];
    this.#say(`  load is running: ${[...groups, ...sockets].join(", ")}`);
  }

  async #kill(watch: ServerWatch): Promise<number | undefined> {
    const { name } = this.#instance;
    this.#signal.throwIfAborted();
    this.#say(`2 stopping ${name} hard`);
    const killedAt = performance.now();
    this.#state = "stopped";
    await this.#target.killHard(this.#instance);
    const afterMs = await watch.becomes("down", killedAt, downWaitMs, this.#signal);
    this.#say(
      afterMs === undefined
        ? `3 not DOWN within ${seconds(downWaitMs)}`
        : `3 DOWN ${seconds(afterMs)} after the kill`,
    );
    return afterMs;
  }

  async #startAgain(watch: ServerWatch): Promise<number | undefined> {
    this.#signal.throwIfAborted();
    this.#say(`5 starting ${this.#instance.name} again`);
    const startedAt = performance.now();
    await this.#putBack();
    const { upSeconds } = this.#limits;
    const afterMs = await watch.becomes("up", startedAt, upSeconds * 1_000, this.#signal);
    this.#say(
      afterMs === undefined ? `  not UP within ${upSeconds} s` : `  UP ${seconds(afterMs)} after the start`,
    );
    return afterMs;
  }

  /** Time until the instance answers under load; a stopped one cannot, so its first answer says that it is back. */
  async #answersAgain(load: Load, limitMs: number): Promise<number | undefined> {
    const { name } = this.#instance;
    const answers = (): number =>
      load.snapshot().http.reduce((total, group) => total + (group.byInstance[name] ?? 0), 0);
    const before = answers();
    const began = performance.now();
    while (answers() === before) {
      if (performance.now() - began > limitMs) {
        this.#say(`  ${name} answered no request within ${seconds(limitMs)}`);
        return undefined;
      }
      await delay(50);
    }
    this.#say(`  ${name} takes traffic again`);
    return performance.now() - began;
  }

  /** Goes on until the number that a result needs is reached, but for no longer than that takes at a tenth of the rate. */
  async #enoughRequests(load: Load): Promise<void> {
    const sent = (): number => load.snapshot().http.reduce((total, group) => total + group.requests, 0);
    const missing = this.#limits.minRequests - sent();
    const deadline = performance.now() + (missing / (this.#options.perSecond ?? 150)) * 10_000;
    while (sent() < this.#limits.minRequests && performance.now() < deadline) await this.#sleep(100);
  }

  async #probe(when: string): Promise<HttpReport> {
    const { http } = await startLoad(probeLoad(this.#target, this.#instance.pool)).done;
    const [report] = http;
    if (report === undefined) throw new Error("no request was sent");
    const outcomes = Object.entries({ ...report.byStatus, ...report.errors });
    this.#say(`${when}: ${outcomes.map(([outcome, count]) => `${count} × ${outcome}`).join(", ")}`);
    return report;
  }

  async #putBack(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#target.start(this.#instance);
        this.#state = "started again";
        return;
      } catch (error) {
        if (attempt === putBackAttempts) throw error;
        await delay(1_000);
      }
    }
  }

  /** For the person who reads the error: in what state the instance is now. */
  async #putBackAfterError(load: Load | undefined): Promise<string> {
    const { name } = this.#instance;
    if (this.#state === "untouched") return "Nothing was stopped.";
    if (this.#state === "started again") return `${name} was started again.`;
    this.#say(`  starting ${name} again`);
    try {
      await this.#putBack();
    } catch (error) {
      return (
        `${name} IS STILL STOPPED: starting it failed ${putBackAttempts} times, the last time with: ` +
        `${messageOf(error)}\nStart its container by hand, in the stack's Incus project: incus start ${name}`
      );
    }
    const limitMs = this.#limits.upSeconds * 1_000;
    return load !== undefined && (await this.#answersAgain(load, limitMs)) !== undefined
      ? `${name} was started again and answers requests.`
      : `${name} was started again but answers no request after ${seconds(limitMs)}: look at its log.`;
  }

  #sleep(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#signal });
  }

  #say(event: string): void {
    const atMs = performance.now() - this.#began;
    this.#timeline.push({ atMs, event: event.trim() });
    this.#output.line(`${(atMs / 1_000).toFixed(1).padStart(6)} s  ${event}`);
  }
}

function chooseInstance(instances: readonly DrillInstance[], name: string | undefined): DrillInstance {
  const chosen =
    name === undefined
      ? instances.find(({ pool }) => pool === "api_pool")
      : instances.find((instance) => instance.name === name);
  if (chosen === undefined) {
    const known = instances.map((instance) => instance.name).join(", ") || "none";
    throw new DrillError(`there is no instance ${name ?? "in api_pool"}; this stack has: ${known}`);
  }
  return chosen;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
