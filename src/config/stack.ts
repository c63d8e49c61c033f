import { z } from "zod";
import { fleetsSchema } from "./fleet.ts";
import { hostsSchema } from "./hosts.ts";
import { imagesSchema, networkSchema, storageSchema } from "./incus.ts";
import { loadBalancerSchema } from "./load-balancer.ts";

/** Everything below `config:` in Pulumi.<stack>.yaml that is this project's, without the `veza-edge:` in front. */
export const stackSchema = z.strictObject({
  hosts: hostsSchema,
  network: networkSchema,
  storage: storageSchema,
  images: imagesSchema.default(imagesSchema.parse({})),
  /** Absent: the stack has no load balancer (yet). */
  loadBalancer: loadBalancerSchema.optional(),
  /** @default no fleets */
  fleets: fleetsSchema.default({}),
});
export type StackConfig = z.infer<typeof stackSchema>;
