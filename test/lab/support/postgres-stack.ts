import { imagesSchema, type ImagesConfig } from "../../../src/config/incus.ts";
import { postgresPorts } from "../../../src/config/postgres.ts";
import { imageAlias } from "../../../src/incus/image.ts";
import { forceFailover } from "../../../src/ops/failover/failover.ts";
import { flip } from "../../../src/ops/flip/flip.ts";
import type { NodeDetails } from "../../../src/ops/postgres/details.ts";
import { judge, type Judgement } from "../../../src/ops/postgres/judge.ts";
import { look } from "../../../src/ops/postgres/look.ts";
import { postgresSite, type PostgresSite } from "../../../src/ops/postgres/site.ts";
import { rebuildStandby } from "../../../src/ops/rebuild/rebuild.ts";
import { longestSilence, query, type Database } from "./commit-client.ts";
import { subnet, type StackInput } from "./edge-config.ts";
import { addImageAlias, removeImageAlias } from "./incus.ts";
import { LabStack } from "./stack.ts";
import { until } from "./until.ts";
import { WriteLoad } from "./write-load.ts";

export const nodes = ["postgres-1", "postgres-2"] as const;
export type NodeName = (typeof nodes)[number];
const addresses = { "postgres-1": `${subnet}.51`, "postgres-2": `${subnet}.52` } as const;

export interface PostgresChoices {
  readonly sync?: boolean;
  /** Ids of backend-api's instances, which write through the router. @default [1] */
  readonly api?: readonly number[];
  /** Changes to the node's image. */
  readonly image?: Partial<ImagesConfig["postgres"]>;
  /** What the load balancer has certificates for. @default nothing */
  readonly letsencrypt?: StackInput["letsencrypt"];
}

/** A deployed stack with two Postgres nodes behind a router, and clients that remember commits. */
export class PostgresStack {
  readonly stack: LabStack;
  readonly site: PostgresSite;
  /** As the applications come. */
  readonly database: Database;
  readonly #loads: WriteLoad[] = [];
  readonly #images: string[] = [];

  private constructor(stack: LabStack, site: PostgresSite, database: Database) {
    this.stack = stack;
    this.site = site;
    this.database = database;
  }

  static async open(choices: PostgresChoices = {}): Promise<PostgresStack> {
    const stack = await LabStack.open(configured(choices));
    await stack.up();
    const outputs = await stack.outputs();
    const site = postgresSite({ name: stack.name, outputs, host: () => ({ connection: "local" }) });
    const { host, port, name, user } = outputs.database ?? never("the stack has no database");
    const password = await stack.databasePassword();
    const database = { host, port, database: name, user, password };
    await WriteLoad.prepare(database);
    return new PostgresStack(stack, site, database);
  }

  async close(): Promise<void> {
    for (const load of this.#loads) void load.stop();
    await this.stack.close();
    for (const alias of this.#images) await removeImageAlias(alias);
  }

  /** Writes the stack file; the images that it names are there then. */
  async configure(choices: PostgresChoices): Promise<void> {
    if (choices.image !== undefined) {
      const { postgres } = imagesSchema.parse({});
      const alias = imageAlias("postgres", { ...postgres, ...choices.image });
      await addImageAlias(imageAlias("postgres", postgres), alias);
      this.#images.push(alias);
    }
    await this.stack.configure(configured(choices));
  }

  async judge(): Promise<Judgement> {
    return judge(
      await look(this.site, (text) => {
        throw new Error(text);
      }),
    );
  }

  /** What a node says of itself; undefined while it says nothing. */
  async details(node: NodeName): Promise<NodeDetails | undefined> {
    const { nodes: views } = await look(this.site, () => undefined);
    return views.find(({ name }) => name === node)?.details;
  }

  async primary(): Promise<NodeName> {
    const { primary } = await this.judge();
    return nodes.find((node) => node === primary) ?? never("no node takes writes");
  }

  async untilWell(seconds = 30): Promise<void> {
    await until(
      "the primary takes writes and the standby follows",
      async () => (await this.judge()).verdict === "well",
      seconds,
    );
  }

  async shell(node: NodeName, line: string): Promise<string> {
    return this.stack.incus.shell(node, line);
  }

  /** Runs SQL as the superuser inside. */
  async superuser(node: NodeName, sql: string): Promise<string> {
    return this.shell(node, `runuser -u postgres -- psql -XAtqd veza -c "${sql}"`);
  }

  /** Keeps the nodes from reaching each other; clients and routers reach both. */
  async cut(): Promise<void> {
    for (const node of nodes) await this.shell(node, `ip route add blackhole ${addresses[other(node)]}/32`);
  }

  async mend(): Promise<void> {
    for (const node of nodes)
      await this.shell(node, `ip route del blackhole ${addresses[other(node)]}/32 2>/dev/null || :`);
  }

  /** Clients that write until they are stopped; each has written once. */
  async load(clients = 2): Promise<WriteLoad> {
    const load = await WriteLoad.start(this.database, clients);
    this.#loads.push(load);
    await until("every client has written", () => Promise.resolve(load.isUp()));
    return load;
  }

  /** Does something while clients write. @returns the longest time without an acknowledged commit, in ms */
  async silenceWhile(load: WriteLoad, act: () => Promise<unknown>): Promise<number> {
    const begin = performance.now();
    await act();
    const ended = performance.now();
    const last = load.acknowledged().length;
    await until("clients write", () => Promise.resolve(load.acknowledged().length > last), 60);
    return longestSilence(load.acknowledged(), begin, ended);
  }

  /** Asks the node itself, past the router. */
  async takesWrites(node: NodeName): Promise<boolean> {
    const own = { ...this.database, host: addresses[node], port: postgresPorts.pgbouncer };
    return query(own, "CREATE TABLE astray (n int)").then(
      () => true,
      () => false,
    );
  }

  /** Flips as bin/veza does, without asking. */
  async flip(): Promise<void> {
    const talk = { line: () => undefined, did: () => undefined, agreed: () => Promise.resolve(true) };
    await flip(this.site, { maxLagBytes: 16 * 1024 * 1024 }, talk, { dryRun: false });
  }

  /** Rebuilds as bin/veza does, without asking. @returns all that was said, and why it ended where it failed */
  async rebuild(node: NodeName, keep = 3): Promise<{ said: string; error?: string }> {
    const lines: string[] = [];
    const line = (text: string): void => void lines.push(text);
    const talk = { line, progress: line, agreed: () => Promise.resolve(true) };
    try {
      await rebuildStandby(this.site, node, talk, keep);
      return { said: lines.join("\n") };
    } catch (error) {
      return { said: lines.join("\n"), error: String(error) };
    }
  }

  /** Fails over as bin/veza does, and types the name that is asked for. @returns all that was said */
  async failover(to: NodeName): Promise<string> {
    const lines: string[] = [];
    const line = (text: string): void => void lines.push(text);
    await forceFailover(this.site, { line, ask: () => Promise.resolve(to) });
    return lines.join("\n");
  }
}

export function other(node: NodeName): NodeName {
  return node === "postgres-1" ? "postgres-2" : "postgres-1";
}

function configured({
  sync = false,
  api = [1],
  image,
  letsencrypt,
}: PostgresChoices): Parameters<LabStack["configure"]>[0] {
  const rest: Partial<StackInput> = {
    volumes: "remove",
    postgres: {
      nodes: [
        { id: 1, address: addresses["postgres-1"] },
        { id: 2, address: addresses["postgres-2"] },
      ],
      routers: [{ id: 1, address: `${subnet}.55` }],
      sync,
      slotKeepMiB: 512,
      walKeepMiB: 64,
      connections: 40,
    },
    ...(letsencrypt && { letsencrypt }),
    ...(image === undefined
      ? {}
      : { images: { postgres: { ...imagesSchema.parse({}).postgres, ...image } } }),
  };
  return { api, apiFleet: { database: "veza" }, rest };
}

function never(what: string): never {
  throw new Error(what);
}
