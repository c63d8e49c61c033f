import { z } from "zod";
import { addressRange } from "./common.ts";

/**
 * What an operator has told all containers of a stack, a file each. `bin/veza` writes them, and an update only brings
 * them to containers that are new.
 */
const notes = "/var/lib/veza/notes";

/** Note that load balancers read as a map of clients (address or range, then `yes` or `no`): who is closed out. */
export const closedMap = `${notes}/closed.map`;
/** Note that keeps applications stopped while it is there. */
export const servicesStopped = `${notes}/services-stopped`;

export const maintenanceSchema = z.strictObject({
  /** Addresses and ranges that are served during a maintenance; `--allow` adds others to one. @default [] */
  allow: z.array(addressRange).default([]),
  /** What clients are told about when to come back (`Retry-After`). @default 300 */
  retryAfterSeconds: z.int().min(1).max(86_400).default(300),
  /**
   * HTML file that clients are shown, read where `pulumi` runs, absolute or relative to the project. It has to hold all
   * it needs: nothing else is served meanwhile. @default a page of the load balancer's own
   */
  page: z.string().min(1).optional(),
});
