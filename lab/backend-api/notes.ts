import pg from "pg";
import { json, type Reply } from "../shared/service.ts";

/** Where the platform's database is; what a fleet with `database` gets in its environment. */
export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** Undefined where there is none. @throws Error for a port that is no number */
export function databaseSettings(
  env: Readonly<Record<string, string | undefined>>,
): DatabaseSettings | undefined {
  const { DATABASE_HOST: host, DATABASE_NAME, DATABASE_USER, DATABASE_PASSWORD } = env;
  if (host === undefined) return undefined;
  const port = Number(env["DATABASE_PORT"] ?? "5432");
  if (!Number.isInteger(port)) throw new Error(`DATABASE_PORT is "${String(env["DATABASE_PORT"])}"`);
  return {
    host,
    port,
    database: DATABASE_NAME ?? "",
    user: DATABASE_USER ?? "",
    password: DATABASE_PASSWORD ?? "",
  };
}

/** Longest note, in characters. */
const longest = 1_000;
const shown = 20;

/** Two that make it at a time would get in each other's way. */
const table = `begin;
  select pg_advisory_xact_lock(hashtext('notes'));
  create table if not exists notes (
    id bigint generated always as identity primary key,
    text text not null, instance text not null, written_at timestamptz not null default now());
  commit`;

const row = `id::int, text, instance, written_at as "writtenAt"`;

/** Rows of a table in the platform's database. Every request is one transaction on a connection of a small pool. */
export class Notes {
  readonly #pool: pg.Pool;
  readonly #instance: string;
  #table: Promise<unknown> | undefined;

  constructor(settings: DatabaseSettings, instance: string) {
    this.#instance = instance;
    this.#pool = new pg.Pool({
      ...settings,
      application_name: instance,
      max: 4,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    // An idle connection that ends (a flip, a restarted router) is replaced by the next request.
    this.#pool.on("error", () => undefined);
  }

  async answer(method: string | undefined, text: string | null): Promise<Reply> {
    if (method === "POST" && (text === null || text === "" || text.length > longest))
      return json(400, { error: `text must be 1 to ${longest} characters`, instance: this.#instance });
    if (method !== "GET" && method !== "POST")
      return json(405, { error: "GET reads notes, POST ?text=… writes one", instance: this.#instance });
    try {
      return method === "POST"
        ? json(201, { instance: this.#instance, note: await this.#write(text) })
        : json(200, { instance: this.#instance, notes: await this.#read() });
    } catch (error) {
      // Not tried again: a write that was cut off may have been done.
      return json(503, { error: `the database: ${String(error)}`, instance: this.#instance });
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #write(text: string | null): Promise<unknown> {
    this.#table ??= this.#pool.query(table);
    await this.#table.catch((error: unknown) => {
      this.#table = undefined;
      throw error;
    });
    const sql = `insert into notes (text, instance) values ($1, $2) returning ${row}`;
    return (await this.#pool.query<object>(sql, [text, this.#instance])).rows[0];
  }

  async #read(): Promise<unknown[]> {
    const { rows } = await this.#pool.query<{ found: boolean }>(
      "select to_regclass('notes') is not null as found",
    );
    if (rows[0]?.found !== true) return [];
    return (await this.#pool.query<object>(`select ${row} from notes order by id desc limit ${shown}`)).rows;
  }
}
