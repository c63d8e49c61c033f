import { z } from "zod";

/** Why a node takes writes, or does not; what its pg-health answers with. */
export const nodeStates = [
  /** The only one that takes writes. */
  "primary",
  "standby",
  /** An operator, or a flip, has closed it until it is opened again. */
  "fenced",
  /** A primary whose timeline has ended elsewhere: it must become a standby. */
  "stale",
  /** A primary after a start, until its peer says that there is no newer one. */
  "unconfirmed",
  /** Postgres runs, and its PgBouncer does not. */
  "bouncer-down",
  /** Postgres does not answer in time. */
  "hung",
  "down",
] as const;
export type NodeState = (typeof nodeStates)[number];

const roles = ["primary", "standby", "down"] as const;

/** What a node says of itself at `/details`. */
export const nodeDetailsSchema = z.object({
  node: z.string(),
  /** What Postgres is, whether or not it may take writes. */
  role: z.enum(roles),
  state: z.enum(nodeStates),
  timeline: z.number().nullish(),
  /** A primary has `current`, a standby the others. */
  lsn: z
    .object({ current: z.string().nullish(), receive: z.string().nullish(), replay: z.string().nullish() })
    .nullish(),
  /** Bytes of WAL that a standby has not replayed. */
  lagBytes: z.number().nullish(),
  /** Whether WAL comes in on a standby, or goes out on a primary. */
  streaming: z.boolean().nullish(),
  /** Why it is fenced. */
  fenced: z.union([z.boolean(), z.string()]).nullish(),
  peer: z
    .object({ reachable: z.boolean(), timeline: z.number().nullish(), role: z.string().nullish() })
    .nullish(),
  systemIdentifier: z.string().nullish(),
});
export type NodeDetails = z.infer<typeof nodeDetailsSchema>;
