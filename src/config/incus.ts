import { z } from "zod";
import { isIPv4 } from "node:net";

function isGateway(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  return rest.length === 0 && isIPv4(address) && /^([89]|[12]\d|30)$/.test(length);
}

/** `veza-edge:network`: the Incus bridge that all containers of the stack are on. */
export const networkSchema = z.strictObject({
  /** Name of the bridge on every host. @default incusbr0 */
  bridge: z
    .string()
    .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,14}$/, "must be the name of a network interface")
    .default("incusbr0"),
  /** The bridge's own address and prefix length, e.g. `10.77.0.1/24`; containers take addresses from that subnet. */
  gateway: z
    .string()
    .refine(isGateway, "must be the bridge's address with its prefix length, such as 10.77.0.1/24"),
});
export type NetworkConfig = z.infer<typeof networkSchema>;

const image = z.strictObject({
  /** Debian release. @default trixie */
  suite: z
    .string()
    .regex(/^[a-z]+$/)
    .default("trixie"),
  /** Debian packages beyond the base system. @default [] */
  packages: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be the name of a Debian package"))
    .default([]),
  /** Raise it to build the image anew with today's packages; its containers are then replaced. @default 1 */
  revision: z.int().min(1).default(1),
});

/** `veza-edge:images`: what containers are made from. `haproxy` is the load balancer's and the database routers', `app` the fleets', `pebble` a lab's CA, `postgres` the database nodes'. */
export const imagesSchema = z.strictObject({
  /** @default haproxy and what has certificates issued for it, from Debian 13 */
  haproxy: image.default({
    suite: "trixie",
    packages: ["haproxy", "dehydrated", "busybox", "bind9-dnsutils"],
    revision: 1,
  }),
  /** @default Node from Debian 13 */
  app: image.default({ suite: "trixie", packages: ["nodejs"], revision: 1 }),
  /** @default Pebble from Debian 13 */
  pebble: image.default({ suite: "trixie", packages: ["pebble"], revision: 1 }),
  /** @default PostgreSQL 17 and PgBouncer from Debian 13 */
  postgres: image.default({ suite: "trixie", packages: ["postgresql", "pgbouncer"], revision: 1 }),
});
export type ImagesConfig = z.infer<typeof imagesSchema>;

/** `veza-edge:storage`: the Incus storage pool of root disks and volumes, the same name on every host. */
export const storageSchema = z
  .string()
  .regex(/^[a-zA-Z0-9_-]+$/)
  .default("default");

/** Size limits of one container; everything is shared with the host when absent. */
export const limitsSchema = z.strictObject({
  /** CPU cores. */
  cpus: z.int().min(1).max(256).optional(),
  /** Memory in MiB. */
  memoryMiB: z.int().min(64).optional(),
  /** Root disk in GiB. */
  rootGiB: z.int().min(1).optional(),
});
export type LimitsConfig = z.infer<typeof limitsSchema>;
