import { postgresNodeName } from "../config/postgres.ts";
import { memorySettings, type MemorySettings } from "./memory.ts";

/** A database and the role that it belongs to. */
export interface DatabaseSpec {
  readonly name: string;
  readonly owner: string;
}

/** A node, as the other one has to know it. */
export interface NodeIdentity {
  /** Its name, and its container's: `postgres-1`. */
  readonly name: string;
  readonly address: string;
  /** Its replication slot on the other node, and its name there: `postgres_1`. */
  readonly slot: string;
}

/** All that one node is told. Nothing in it says which node is the primary: that is in their data. */
export interface PostgresNodeSpec extends NodeIdentity {
  readonly peer: NodeIdentity;
  /** Name of the node that makes the first cluster where neither has any data. */
  readonly initialPrimary: string;
  readonly databases: readonly DatabaseSpec[];
  /** Sessions that Postgres has room for, all told. */
  readonly connections: number;
  /** Of these: for the nodes themselves and whoever has to look after them. */
  readonly reservedConnections: number;
  /** Sessions that PgBouncer may have in each database. */
  readonly poolSize: number;
  readonly memory: MemorySettings;
  /** What the sizes come from, for the reader. */
  readonly memoryFrom: string;
  /** A commit waits until the other node has it. */
  readonly sync: boolean;
  /** MiB of WAL kept for the other node when it is away: always, and at most. */
  readonly walKeepMiB: number;
  readonly slotKeepMiB: number;
}

/** The part of a stack's config that the nodes are made from. */
export interface ClusterConfig {
  readonly nodes: readonly {
    readonly id: number;
    readonly address: string;
    readonly limits?: { readonly memoryMiB?: number | undefined } | undefined;
  }[];
  /** Id of a node. @default the first */
  readonly initialPrimary?: number | undefined;
  readonly databases: readonly DatabaseSpec[];
  readonly sync: boolean;
  readonly slotKeepMiB: number;
  readonly walKeepMiB: number;
  readonly connections: number;
}

/** Superusers, pg-health, the watch and replication keep this many sessions for themselves. */
const reservedConnections = 5;
/** Replication, superusers and those above: what PgBouncer leaves free. */
const besideClients = 15;

/**
 * Both nodes.
 * @throws RangeError unless there are exactly two
 */
export function postgresNodes(config: ClusterConfig): readonly [PostgresNodeSpec, PostgresNodeSpec] {
  const [first, second, ...more] = config.nodes;
  if (first === undefined || second === undefined || more.length > 0)
    throw new RangeError("a Postgres cluster has two nodes");
  const initial = config.nodes.find(({ id }) => id === config.initialPrimary) ?? first;
  const spec = (
    node: ClusterConfig["nodes"][number],
    peer: ClusterConfig["nodes"][number],
  ): PostgresNodeSpec => {
    const memoryMiB = node.limits?.memoryMiB;
    return {
      ...identity(node),
      peer: identity(peer),
      initialPrimary: identity(initial).name,
      databases: config.databases,
      connections: config.connections,
      reservedConnections,
      poolSize: Math.max(
        1,
        Math.floor((config.connections - besideClients) / Math.max(1, config.databases.length)),
      ),
      memory: memorySettings(memoryMiB, config.connections),
      memoryFrom: memoryMiB === undefined ? "which has no limit" : `${String(memoryMiB)} MiB`,
      sync: config.sync,
      walKeepMiB: config.walKeepMiB,
      slotKeepMiB: config.slotKeepMiB,
    };
  };
  return [spec(first, second), spec(second, first)];
}

function identity({ id, address }: ClusterConfig["nodes"][number]): NodeIdentity {
  return { name: postgresNodeName(id), address, slot: `postgres_${String(id)}` };
}

/** Roles that databases belong to, each once. */
export function ownersOf(databases: readonly DatabaseSpec[]): readonly string[] {
  return [...new Set(databases.map(({ owner }) => owner))];
}

/** The role that logs in for an owner at a revision of its password: the two take turns, so that both work meanwhile. */
export function loginRole(owner: string, revision: number): string {
  return `${owner}_${revision % 2 === 1 ? "a" : "b"}`;
}
