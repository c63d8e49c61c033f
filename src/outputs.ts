import type { StackReference } from "@pulumi/pulumi";
import { z } from "zod";
import { poolNames } from "./config/pool.ts";

/**
 * Raised whenever a consumer of the previous version could not read the outputs any more. What is only added does not
 * raise it, and is optional for whoever reads a stack that was deployed before.
 */
export const outputsVersion = 1;

const connection = z.discriminatedUnion("connection", [
  z.object({ connection: z.literal("local") }),
  z.object({
    connection: z.literal("ssh"),
    address: z.string(),
    port: z.number(),
    user: z.string(),
    hostKey: z.string(),
  }),
]);

const server = z.object({
  /** HAProxy's numeric server id. */
  id: z.number(),
  /** Name in the pool; also the container's, where the server is of this stack. */
  name: z.string(),
  address: z.string(),
  port: z.number(),
});

const databaseContainer = z.object({ name: z.string(), host: z.string(), address: z.string() });

/** What a stack tells others about itself: the output `edge`. */
export const outputsSchema = z.object({
  version: z.literal(outputsVersion),
  /** Incus project, on every host. */
  project: z.string(),
  /** The Incus bridge that all of it is on, by its name and its own address with the prefix length; on every host. */
  network: z.object({ bridge: z.string(), gateway: z.string() }).optional(),
  /** Incus storage pool of root disks and volumes, on every host. */
  storage: z.string().optional(),
  hosts: z.record(z.string(), connection),
  loadBalancers: z.array(
    z.object({
      name: z.string(),
      host: z.string(),
      address: z.string(),
      ports: z.object({ http: z.number(), https: z.number().optional(), stats: z.number() }),
      /** URLs under which clients reach it from its host or from outside. */
      urls: z.array(z.string()),
      /** Page for people, `;csv` for programs, Prometheus metrics beside it; reachable from the Incus bridge only. */
      stats: z.string(),
      metrics: z.string(),
      /** Prometheus metrics about its certificates; absent where nothing issues any. */
      certificateMetrics: z.string().optional(),
    }),
  ),
  pools: z.record(z.enum(poolNames), z.array(server)),
  /** Certificates that the stack has issued and renews by itself. */
  certificates: z
    .array(
      z.object({
        /** The first of its names. */
        name: z.string(),
        names: z.array(z.string()),
        /** Name of the load balancer whose container issues it. */
        loadBalancer: z.string(),
      }),
    )
    .default([]),
  instances: z.array(
    z.object({
      name: z.string(),
      fleet: z.string(),
      pool: z.enum(poolNames),
      host: z.string(),
      address: z.string(),
    }),
  ),
  /** Where Postgres is; which node is the primary is decided at run time, and no output. */
  postgres: z
    .object({
      /** `metrics`: Prometheus metrics of pg-health, who the node is and how far behind. */
      nodes: z.array(databaseContainer.extend({ metrics: z.string().optional() })),
      /** Statistics and metrics as a load balancer's. */
      routers: z.array(databaseContainer.extend({ stats: z.string(), metrics: z.string() })),
      /** Snapshots of data that a rebuild replaced, kept for each node. */
      snapshotsKept: z.number(),
    })
    .optional(),
  /** How a client reaches the first database; its password is the stack's secret output `databasePassword`. */
  database: z.object({ host: z.string(), port: z.number(), name: z.string(), user: z.string() }).optional(),
  cookie: z.string().optional(),
});
export type EdgeOutputs = z.infer<typeof outputsSchema>;

/**
 * Reads the output `edge` of a stack: of `pulumi stack output --json`, or of a StackReference.
 * @throws Error that says which version the stack has, when it is not the one this code was written for
 */
export function readOutputs(edge: unknown): EdgeOutputs {
  const found = z.object({ version: z.unknown() }).safeParse(edge);
  if (!found.success)
    throw new Error("the stack has no output `edge`: it was never deployed, or is not a veza-edge stack");
  if (found.data.version !== outputsVersion) {
    throw new Error(
      `the stack's outputs have version ${String(found.data.version)}, this program reads version ${String(outputsVersion)}: deploy the stack with the same version of veza-edge, or use that version here`,
    );
  }
  const parsed = outputsSchema.safeParse(edge);
  if (parsed.success) return parsed.data;
  throw new Error(
    `the stack's outputs are not what version ${String(outputsVersion)} promises:\n${z.prettifyError(parsed.error)}`,
  );
}

/**
 * Reads what another Pulumi program's StackReference leads to. The result is plain data: await it before making
 * resources, so that a preview shows everything.
 * @throws Error as `readOutputs` does
 */
export async function referencedOutputs(
  stack: Pick<StackReference, "getOutputDetails">,
): Promise<EdgeOutputs> {
  const { value } = await stack.getOutputDetails("edge");
  return readOutputs(value);
}
