import { setTimeout as delay } from "node:timers/promises";
import { Client } from "undici";
import { Cookies } from "../../src/ops/load/cookies.ts";

/** What the clients of one edge met, over all of the time that they asked. */
export interface ClientsSaw {
  readonly requests: number;
  /** Requests without a whole answer of status 200. */
  readonly failed: number;
  /** Seconds: the longest time that any client was without a good answer, from one to the next. */
  readonly outage: number;
}

const pauseMs = 100;
/** Then a request counts as failed. */
const limitMs = 10_000;

/** Each asks for one thing again and again; some keep the cookies that they get. */
const kinds = [
  { clients: 10, pinned: true, path: "/api/v1/whoami" },
  { clients: 10, pinned: false, path: "/api/v1/whoami" },
  // Some of these are always under way when something happens.
  { clients: 5, pinned: true, path: "/api/v1/slow?ms=300" },
] as const;

/** Clients of an edge, each with a connection that it keeps while it may, until they are stopped. */
export class WebClients {
  readonly #url: string;
  readonly #lastAnswer = new Map<string, number>();
  readonly #clients: Promise<void>[];
  #requests = 0;
  #failed = 0;
  #outage = 0;
  #stops = false;

  /** @param url without a path */
  constructor(url: string) {
    this.#url = url;
    this.#clients = kinds.flatMap(({ clients, pinned, path }) =>
      Array.from({ length: clients }, () => this.#work(path, pinned)),
    );
  }

  /** Whether an instance has answered somebody since then, as `performance.now()` says it. */
  wasAnsweredBy(instance: string, since: number): boolean {
    return (this.#lastAnswer.get(instance) ?? -Infinity) > since;
  }

  async stop(): Promise<ClientsSaw> {
    this.#stops = true;
    await Promise.all(this.#clients);
    return { requests: this.#requests, failed: this.#failed, outage: this.#outage / 1000 };
  }

  async #work(path: string, pinned: boolean): Promise<void> {
    const client = new Client(this.#url, { connect: { timeout: limitMs } });
    const cookies = new Cookies();
    let answered = performance.now();
    while (!this.#stops) {
      const asked = performance.now();
      const instance = await this.#ask(client, path, cookies, pinned).catch(() => undefined);
      const now = performance.now();
      this.#requests++;
      this.#outage = Math.max(this.#outage, now - answered);
      if (instance === undefined) this.#failed++;
      else {
        answered = now;
        // An answer that had left before counts for the time when it was asked for.
        this.#lastAnswer.set(instance, Math.max(this.#lastAnswer.get(instance) ?? 0, asked));
      }
      await delay(pauseMs);
    }
    await client.destroy();
  }

  /** @returns the instance that answered; undefined for another status than 200 */
  async #ask(client: Client, path: string, cookies: Cookies, pinned: boolean): Promise<string | undefined> {
    const cookie = pinned ? cookies.header : undefined;
    const { statusCode, headers, body } = await client.request({
      path,
      method: "GET",
      headers: cookie === undefined ? {} : { cookie },
      signal: AbortSignal.timeout(limitMs),
    });
    // Read to the end: an answer that breaks off is none.
    await body.bytes();
    cookies.store(headers["set-cookie"]);
    return statusCode === 200 ? String(headers["x-instance"]) : undefined;
  }
}
