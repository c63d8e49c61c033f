import { CommitClient, fromTwoNodes, query, type Acknowledged, type Database } from "./commit-client.ts";

/** Clients that write through a router into the table `commits`. */
export class WriteLoad {
  readonly #database: Database;
  readonly #clients: readonly CommitClient[];

  private constructor(database: Database, firstId: number, clients: number) {
    this.#database = database;
    this.#clients = Array.from({ length: clients }, (_, n) => new CommitClient(firstId + n, database));
    for (const client of this.#clients) client.start();
  }

  /** Makes the table that all of them write into. */
  static async prepare(database: Database): Promise<void> {
    await query(
      database,
      "CREATE TABLE commits (client int, number int, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (client, number))",
    );
  }

  /** Clients that nobody was before. */
  static async start(database: Database, clients: number): Promise<WriteLoad> {
    const [row] = await query<{ next: number }>(
      database,
      "SELECT coalesce(max(client), 0) + 1 AS next FROM commits",
    );
    return new WriteLoad(database, row?.next ?? 1, clients);
  }

  isUp(): boolean {
    return this.#clients.every(({ acknowledged }) => acknowledged.length > 0);
  }

  acknowledged(): readonly Acknowledged[] {
    return this.#clients.flatMap((client) => client.acknowledged);
  }

  /** How many rows no client was told about: the connection ended before. */
  unknown(): number {
    return this.#clients.reduce((sum, client) => sum + client.unknown, 0);
  }

  takenByTwoNodes(): readonly Acknowledged[] {
    return fromTwoNodes(this.acknowledged());
  }

  /** Acknowledged commits that are not there. */
  async lost(): Promise<readonly Acknowledged[]> {
    const rows = await query<{ client: number; number: number }>(
      this.#database,
      "SELECT client, number FROM commits",
    );
    const there = new Set(rows.map(({ client, number }) => `${String(client)}:${String(number)}`));
    return this.acknowledged().filter(
      ({ client, number }) => !there.has(`${String(client)}:${String(number)}`),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
  }
}
