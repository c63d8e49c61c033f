import { z } from "zod";
import { networkSchema } from "./incus.ts";
import { loadBalancerSchema } from "./load-balancer.ts";
import { poolNames } from "./pool.ts";

/** What has another form than it should is left out: the rooms' schemas report it. */
const lenient = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const list = <T extends z.ZodType>(item: T) => z.array(item).default([]).catch([]);
const text = lenient(z.string());
const number = lenient(z.number());

const instance = z.object({ id: number, address: text, host: text });

const publish = z.object({
  address: z.string().default("127.0.0.1").catch("127.0.0.1"),
  http: number,
  https: number,
});

const loadBalancer = z.object({
  instances: list(
    z
      .object({
        name: z.string().default("haproxy").catch("haproxy"),
        address: text,
        host: text,
        publish: list(publish.catch({ address: "", http: undefined, https: undefined })),
      })
      .catch({ name: "", address: undefined, host: undefined, publish: [] }),
  ),
  ports: z
    .object({
      http: z.number().default(80).catch(80),
      https: z.number().default(443).catch(443),
      stats: z.number().default(9_100).catch(9_100),
    })
    .prefault({})
    .catch({ http: 80, https: 443, stats: 9_100 }),
  tls: lenient(z.object({ certificate: text })),
  healthChecks: lenient(loadBalancerSchema.shape.healthChecks),
  staticServers: lenient(z.record(z.string(), z.array(z.unknown()))),
});

const image = z.object({ packages: lenient(z.array(z.string())) }).catch({ packages: undefined });

const letsencrypt = z.object({
  publicAddresses: list(text),
  challenge: z
    .object({
      address: z.string().default("127.0.0.1").catch("127.0.0.1"),
      port: z.number().default(8_888).catch(8_888),
    })
    .prefault({})
    .catch({ address: "127.0.0.1", port: 8_888 }),
  pebble: lenient(
    z.object({ name: z.string().default("pebble").catch("pebble"), address: text, host: text }),
  ),
});

const databaseContainer = z
  .object({ id: number, address: text, host: text })
  .catch({ id: undefined, address: undefined, host: undefined });
const postgres = z.object({
  nodes: list(databaseContainer),
  routers: list(databaseContainer),
  databases: z
    .array(z.object({ name: text }).catch({ name: undefined }))
    .default([{ name: "veza" }])
    .catch([]),
});

const nowhere = { connection: undefined, address: undefined, port: 22, hostKey: undefined };
const host = z.object({
  connection: text,
  address: text,
  port: z.number().default(22).catch(22),
  hostKey: text,
});

const fleet = z.object({
  pool: lenient(z.enum(poolNames)),
  healthPath: text,
  database: text,
  instances: list(instance.catch({ id: undefined, address: undefined, host: undefined })),
});

/**
 * The parts of a stack's config that concern more than one room, as far as they can be made out: mistakes between
 * rooms are found, and reported together with the others, while there are mistakes within rooms.
 */
export const sketchSchema = z.object({
  hosts: z.record(z.string(), host.catch(nowhere)).catch({}),
  network: lenient(networkSchema),
  images: z
    .object({ haproxy: lenient(image), postgres: lenient(image) })
    .catch({ haproxy: undefined, postgres: undefined })
    .optional(),
  loadBalancer: lenient(loadBalancer),
  letsencrypt: lenient(letsencrypt),
  postgres: lenient(postgres),
  fleets: z
    .record(
      z.string(),
      fleet.catch({ pool: undefined, healthPath: undefined, database: undefined, instances: [] }),
    )
    .catch({}),
});
export type Sketch = z.infer<typeof sketchSchema>;
