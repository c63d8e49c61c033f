import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** Where the write-VIP is, and as whom to come. */
export interface Database {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** A commit that the database has acknowledged. */
export interface Acknowledged {
  readonly client: number;
  readonly number: number;
  /** `performance.now()` when the acknowledgement had come. */
  readonly at: number;
  /** Of the node that took it: two nodes that take writes show as two timelines at a time. */
  readonly timeline: number;
}

const pauseMs = 10;

/**
 * Writes row after row, and remembers each one that was acknowledged. It has no time limit of its own and does nothing
 * clever: on an error it connects again. A row whose acknowledgement did not come is never written a second time.
 */
export class CommitClient {
  readonly acknowledged: Acknowledged[] = [];
  /** Rows of which it never heard. */
  unknown = 0;
  readonly #database: Database;
  readonly #id: number;
  #stops = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(id: number, database: Database) {
    this.#id = id;
    this.#database = database;
  }

  start(): void {
    this.#ended = this.#work();
  }

  async stop(): Promise<void> {
    this.#stops = true;
    await this.#ended;
  }

  #isStopped(): boolean {
    return this.#stops;
  }

  async #work(): Promise<void> {
    for (let number = 1; !this.#stops;) {
      const connection = new pg.Client(this.#database);
      // A connection that is cut while idle says so here; the next statement fails then.
      connection.on("error", () => undefined);
      try {
        await connection.connect();
        while (!this.#isStopped()) {
          const mine = number++;
          const { rows } = await connection
            .query<{ timeline: string }>(
              "INSERT INTO commits (client, number) VALUES ($1, $2) RETURNING substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline",
              [this.#id, mine],
            )
            .catch((error: unknown) => {
              this.unknown++;
              throw error;
            });
          const timeline = parseInt(rows[0]?.timeline ?? "", 16);
          this.acknowledged.push({ client: this.#id, number: mine, at: performance.now(), timeline });
          await delay(pauseMs / 2);
        }
      } catch {
        await delay(pauseMs);
      } finally {
        await connection.end().catch(() => undefined);
      }
    }
  }
}

/** Runs one statement as the clients come. */
export async function query<Row extends pg.QueryResultRow>(database: Database, sql: string): Promise<Row[]> {
  const connection = new pg.Client(database);
  await connection.connect();
  try {
    return (await connection.query<Row>(sql)).rows;
  } finally {
    await connection.end();
  }
}

/**
 * The longest time between two acknowledgements, of all clients together, that touches a span of time.
 * @returns milliseconds
 */
export function longestSilence(acknowledged: readonly Acknowledged[], begin: number, end: number): number {
  const times = acknowledged.map(({ at }) => at).sort((a, b) => a - b);
  return times.reduce((longest, at, index) => {
    const before = times[index - 1] ?? at;
    return before <= end && at >= begin ? Math.max(longest, at - before) : longest;
  }, 0);
}

/** Acknowledgements of a timeline that came after one of a newer timeline was: writes taken by two nodes. */
export function fromTwoNodes(acknowledged: readonly Acknowledged[]): readonly Acknowledged[] {
  let newest = 0;
  return [...acknowledged]
    .sort((a, b) => a.at - b.at)
    .filter(({ timeline }) => {
      newest = Math.max(newest, timeline);
      return timeline < newest;
    });
}
