import { z } from "zod";
import { fleetsSchema } from "./fleet.ts";
import { hostsSchema } from "./hosts.ts";
import { imagesSchema, networkSchema, storageSchema } from "./incus.ts";
import { letsencryptSchema } from "./letsencrypt.ts";
import { loadBalancerSchema } from "./load-balancer.ts";
import { postgresSchema } from "./postgres.ts";

/** Everything below `config:` in Pulumi.<stack>.yaml that is this project's, without the `veza-edge:` in front. */
export const stackSchema = z.strictObject({
  hosts: hostsSchema,
  network: networkSchema,
  storage: storageSchema,
  /**
   * What happens to data (accounts, certificates, databases) when the stack is destroyed, or its config does not
   * want it any more: `keep` leaves the volumes on their hosts, `remove` deletes them. @default keep
   */
  volumes: z.enum(["keep", "remove"]).default("keep"),
  images: imagesSchema.default(imagesSchema.parse({})),
  /** Absent: the stack has no load balancer (yet). */
  loadBalancer: loadBalancerSchema.optional(),
  /** Absent: nobody issues certificates. */
  letsencrypt: letsencryptSchema.optional(),
  /** Absent: the stack has no database. */
  postgres: postgresSchema.optional(),
  /** @default no fleets */
  fleets: fleetsSchema.default({}),
});
export type StackConfig = z.infer<typeof stackSchema>;
