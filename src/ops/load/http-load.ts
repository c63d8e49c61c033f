import { Pool } from "undici";
import { Cookies } from "./cookies.ts";
import type { HttpLoadOptions, LoadOptions } from "./options.ts";
import type { HttpReport } from "./report.ts";
import { HttpTally } from "./tally.ts";

const defaultTimeoutMs = 30_000;
/** Requests that wait for a free client are bounded too; beyond that a request fails as `NO_FREE_CLIENT`. */
const mostWaiting = 20_000;

interface Client {
  readonly cookies: Cookies | undefined;
  lastInstance: string | undefined;
}

/** A request that was due at `dueAt`. */
interface Job {
  readonly dueAt: number;
  readonly path: string;
}

/** A running group of HTTP clients. Times are those of `performance.now()`. */
export class HttpLoad {
  readonly #options: HttpLoadOptions;
  readonly #pool: Pool;
  readonly #host: string | undefined;
  readonly #startedAt: number;
  readonly #tally = new HttpTally();
  readonly #idle: Client[] = [];
  /** Requests that came while every client was busy. */
  readonly #waiting: Job[] = [];
  readonly #stopped = Promise.withResolvers<undefined>();
  #admitted = 0;
  #open = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(load: LoadOptions, options: HttpLoadOptions, startedAt: number) {
    this.#options = options;
    this.#startedAt = startedAt;
    this.#host = load.tls?.serverName;
    const timeout = options.timeoutMs ?? defaultTimeoutMs;
    this.#pool = new Pool(load.baseUrl, {
      connections: options.clients,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      connect: {
        timeout,
        ...(load.tls?.ca === undefined ? {} : { ca: load.tls.ca }),
        ...(load.tls?.serverName === undefined ? {} : { servername: load.tls.serverName }),
      },
    });
    for (let i = 0; i < options.clients; i += 1) {
      this.#idle.push({ cookies: options.pinned ? new Cookies() : undefined, lastInstance: undefined });
    }
    if (options.pace.kind === "rate") this.#arrive(options.pace.perSecond);
    else for (const client of this.#idle.splice(0)) void this.#repeat(client, options.pace.pauseMs ?? 0);
  }

  /** Fulfilled when the last request has ended, after `stop` or at `maxRequests`. */
  get ended(): Promise<undefined> {
    return this.#stopped.promise;
  }

  /** Sends nothing new; requests under way come to their end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#endWhenIdle();
    await this.ended;
    await this.#pool.close();
  }

  report(): HttpReport {
    return this.#tally.report(this.#options.name);
  }

  #mayStart(): boolean {
    return !this.#stopping && this.#admitted < (this.#options.maxRequests ?? Infinity);
  }

  #endWhenIdle(): void {
    if (this.#open === 0 && this.#waiting.length === 0 && !this.#mayStart()) this.#stopped.resolve(undefined);
  }

  /** Takes the next request's turn. */
  #admit(dueAt: number): Job {
    const { paths } = this.#options;
    const path = paths[this.#admitted % paths.length] ?? "/";
    this.#admitted += 1;
    return { dueAt, path };
  }

  async #repeat(client: Client, pauseMs: number): Promise<void> {
    while (this.#mayStart()) {
      await this.#request(client, this.#admit(performance.now()));
      if (pauseMs > 0 && this.#mayStart()) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.#endWhenIdle();
  }

  /** Starts every request that is due and sleeps until the next one is. */
  #arrive(perSecond: number): void {
    const first = performance.now();
    let arrivals = 0;
    const dueAt = (): number => first + (arrivals * 1_000) / perSecond;
    const tick = (): void => {
      for (const now = performance.now(); this.#mayStart() && dueAt() <= now; arrivals += 1) {
        this.#take(this.#admit(dueAt()));
      }
      if (this.#mayStart()) this.#timer = setTimeout(tick, Math.max(0, dueAt() - performance.now()));
      else this.#endWhenIdle();
    };
    tick();
  }

  #take(job: Job): void {
    const client = this.#idle.shift();
    if (client !== undefined) {
      void this.#serve(client, job);
    } else if (this.#waiting.length < mostWaiting) {
      this.#waiting.push(job);
    } else {
      this.#tally.add({
        ...this.#begin(job),
        latencyMs: performance.now() - job.dueAt,
        error: "NO_FREE_CLIENT",
      });
    }
  }

  async #serve(client: Client, job: Job): Promise<void> {
    for (let next: Job | undefined = job; next !== undefined; next = this.#waiting.shift()) {
      await this.#request(client, next);
    }
    this.#idle.push(client);
    this.#endWhenIdle();
  }

  #begin(job: Job): { atMs: number; path: string } {
    return { atMs: job.dueAt - this.#startedAt, path: job.path };
  }

  async #request(client: Client, job: Job): Promise<void> {
    const { method = "GET", timeoutMs = defaultTimeoutMs } = this.#options;
    const { dueAt, path } = job;
    const outcome = this.#begin(job);
    this.#open += 1;
    try {
      const cookie = client.cookies?.header;
      const { statusCode, headers, body } = await this.#pool.request({
        path,
        method,
        headers: {
          ...(cookie === undefined ? {} : { cookie }),
          ...(this.#host === undefined ? {} : { host: this.#host }),
        },
        signal: AbortSignal.timeout(timeoutMs),
      });
      // Read to the end: an answer that breaks off is none.
      await body.bytes();
      client.cookies?.store(headers["set-cookie"]);
      const instance = single(headers["x-instance"]);
      const version = single(headers["x-version"]);
      if (instance !== undefined) {
        if (client.lastInstance !== undefined && client.lastInstance !== instance) this.#tally.addMove();
        client.lastInstance = instance;
      }
      this.#tally.add({
        ...outcome,
        latencyMs: performance.now() - dueAt,
        answer: {
          status: statusCode,
          ...(instance === undefined ? {} : { instance }),
          ...(version === undefined ? {} : { version }),
        },
      });
    } catch (error) {
      this.#tally.add({ ...outcome, latencyMs: performance.now() - dueAt, error: codeOf(error) });
    } finally {
      this.#open -= 1;
    }
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

// An abort by AbortSignal.timeout, and undici's own limits.
const timeoutErrors = ["TimeoutError", "HeadersTimeoutError", "BodyTimeoutError", "ConnectTimeoutError"];

// Asked by shape: a DOMException has a number for its code, and an error may come from another realm.
function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "UNKNOWN";
  const name = "name" in error ? String(error.name) : "UNKNOWN";
  if (timeoutErrors.includes(name)) return "TIMEOUT";
  return "code" in error && typeof error.code === "string" ? error.code : name;
}
