import { z } from "zod";
import { hostName, ipv4 } from "./common.ts";
import { limitsSchema } from "./incus.ts";

/** Ports of database nodes and routers; always these. */
export const postgresPorts = {
  /** Postgres itself: for its own PgBouncer, and for the other node's replication. */
  postgres: 5432,
  pgbouncer: 6432,
  /** Who the node is, over HTTP. */
  health: 8008,
  /** Where a router takes connections for the primary. */
  vip: 6433,
  /** Statistics page and metrics of a router. */
  routerStats: 8404,
} as const;

/** Names of database containers are made from ids, as the fleets' are. */
export function postgresNodeName(id: number): string {
  return `postgres-${String(id)}`;
}
export function databaseRouterName(id: number): string {
  return `db-router-${String(id)}`;
}

const container = {
  /** Part of the container's name. Never given to another one while its data or its clients are there. */
  id: z.int().min(1).max(99),
  /** IPv4 address on the stack's bridge. */
  address: ipv4,
  /** Host that the container lives on. @default the stack's only host */
  host: hostName.optional(),
  /** Size limits of the container. @default none */
  limits: limitsSchema.optional(),
};

const node = z.strictObject(container);

const router = z.strictObject({
  ...container,
  /**
   * Id of the node that lives on the router's own host: it is found by its name, from the bridge's DNS.
   * @default none; nodes are reached by their addresses
   */
  localNode: z.int().optional(),
});

/** What Postgres takes without quoting, with room for a suffix. */
const identifier = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,59}$/, "must be lower-case letters, digits and underscores, 60 at most");

const database = z.strictObject({
  name: identifier.refine(
    (name) => !["postgres", "template0", "template1", "pgbouncer"].includes(name),
    "is the name of a database that is there already",
  ),
  /** Role that the database belongs to. Nobody logs in as it: `<owner>_a` and `<owner>_b` do, in turn. */
  owner: identifier.refine(
    (name) => !/^pg_|^(postgres|replicator|veza_health|public|none)$/.test(name),
    "is the name of a role that Postgres or the nodes have for themselves",
  ),
});

/** `veza-edge:postgres`: two Postgres nodes, one of which takes writes, and the routers that always lead to that one. */
export const postgresSchema = z
  .strictObject({
    /** The two nodes; either may be the primary. */
    nodes: z
      .array(node)
      .length(2, "must be two: the primary and its standby")
      .superRefine((nodes, context) => {
        refuseRepeatedIds(nodes, context);
      }),
    /** Each leads its clients to the primary; one on every host that has applications. */
    routers: z
      .array(router)
      .min(1)
      .superRefine((routers, context) => {
        refuseRepeatedIds(routers, context);
      }),
    /** Id of the node that is the primary where neither has any data. Changes nothing later. @default the first node's */
    initialPrimary: z.int().optional(),
    databases: z
      .array(database)
      .min(1)
      .superRefine((databases, context) => {
        databases.forEach(({ name }, index) => {
          if (databases.findIndex((other) => other.name === name) < index)
            context.addIssue({ code: "custom", path: [index, "name"], message: `${name} is listed twice` });
        });
      })
      .default([{ name: "veza", owner: "veza" }]),
    /**
     * A commit waits until the standby has it too: nothing that was acknowledged is lost with a node, and without a
     * standby nothing is acknowledged. @default false
     */
    sync: z.boolean().default(false),
    /**
     * MiB of WAL that a primary keeps at most for a standby that is away; with more to catch up, the standby has to be
     * rebuilt. Keeps an absent one from filling the disk. @default 4096
     */
    slotKeepMiB: z.int().min(64).default(4_096),
    /** MiB of WAL that are kept in any case. @default 512 */
    walKeepMiB: z.int().min(64).default(512),
    /** Sessions that each node has room for. @default 100 */
    connections: z.int().min(30).max(10_000).default(100),
    /**
     * Raise it for new passwords: the other one of the two login roles of each owner gets one and is used, and so does
     * replication. @default 1
     */
    passwordRevision: z.int().min(1).default(1),
    /** Snapshots of data that was replaced by a rebuild, kept for each node. @default 3 */
    snapshotsKept: z.int().min(1).max(100).default(3),
  })
  .superRefine(({ nodes, routers, initialPrimary, walKeepMiB, slotKeepMiB }, context) => {
    const known = nodes.map(({ id }) => id);
    const reference = (id: number | undefined, path: PropertyKey[]): void => {
      if (id === undefined || known.includes(id)) return;
      const message = `there is no node ${String(id)}; there are: ${known.join(", ")}`;
      context.addIssue({ code: "custom", path, message });
    };
    reference(initialPrimary, ["initialPrimary"]);
    routers.forEach(({ localNode }, index) => {
      reference(localNode, ["routers", index, "localNode"]);
    });
    if (walKeepMiB > slotKeepMiB)
      context.addIssue({
        code: "custom",
        path: ["walKeepMiB"],
        message: `must not be more than slotKeepMiB (${String(slotKeepMiB)})`,
      });
  });
export type PostgresConfig = z.infer<typeof postgresSchema>;
export type DatabaseRouterConfig = PostgresConfig["routers"][number];

function refuseRepeatedIds(containers: readonly { id: number }[], context: z.RefinementCtx): void {
  containers.forEach(({ id }, index) => {
    const first = containers.findIndex((other) => other.id === id);
    if (first === index) return;
    context.addIssue({
      code: "custom",
      path: [index, "id"],
      message: `id ${String(id)} is that of [${String(first)}] already`,
    });
  });
}
