import { setTimeout as delay } from "node:timers/promises";
import { serverStatus, type ServerStatus, type Stat } from "../../haproxy/runtime.ts";
import { readStatistics } from "../statistics.ts";

const pollMs = 100;

/** The servers of a pool as HAProxy's statistics show them. @throws when these do not answer, or not with a table */
export async function poolServers(statsUrl: string, pool: string): Promise<readonly Stat[]> {
  const stats = await readStatistics(statsUrl);
  return stats.filter(({ proxy, kind }) => proxy === pool && kind === "server");
}

/** Watches one server until closed. */
export class ServerWatch {
  readonly #closed = new AbortController();
  /** In HAProxy's words, and when it was first seen, as `performance.now()` says it. */
  #status = "";
  #since = 0;

  /** @param onChange told about every change of status, with the first one */
  constructor(statsUrl: string, pool: string, server: string, onChange: (status: string) => void) {
    void this.#poll(statsUrl, pool, server, onChange);
  }

  close(): void {
    this.#closed.abort();
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  /**
   * Waits until the server has the status.
   *
   * @param sinceMs when what is to bring that about was begun; also the begin of the time limit
   * @returns the time it took; undefined when it did not within `limitMs`
   * @throws when aborted
   */
  async becomes(
    wanted: ServerStatus,
    sinceMs: number,
    limitMs: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    while (serverStatus({ status: this.#status }) !== wanted) {
      if (performance.now() - sinceMs > limitMs) return undefined;
      await delay(pollMs / 2, undefined, { signal });
    }
    return Math.max(0, this.#since - sinceMs);
  }

  async #poll(
    statsUrl: string,
    pool: string,
    server: string,
    onChange: (status: string) => void,
  ): Promise<void> {
    while (!this.#isClosed()) {
      const status = await poolServers(statsUrl, pool).then(
        (servers) => servers.find(({ name }) => name === server)?.status ?? "not in the statistics",
        () => "unknown: the statistics do not answer",
      );
      if (this.#isClosed()) return;
      if (status !== this.#status) {
        this.#status = status;
        this.#since = performance.now();
        onChange(status);
      }
      await delay(pollMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
    }
  }
}
