/** One member of a load balancer's pool, as a fleet or a static list provides it. */
export interface PoolServer {
  /** HAProxy's numeric server id (1–999). Ring positions follow it, so it never changes for an instance. */
  readonly id: number;
  /** Server name within the pool, e.g. `backend-api-1`. Also the value of the sticky cookie. */
  readonly name: string;
  /** IPv4 address. Names are not allowed: an unresolvable one would be fatal when HAProxy starts. */
  readonly address: string;
  readonly port: number;
  /** TCP port of the instance's agent; absent for servers that are not ours. */
  readonly agentPort?: number;
}

/** The pools an edge load balancer knows; others rely on these names. */
export const poolNames = ["api_pool", "stream_pool"] as const;
export type PoolName = (typeof poolNames)[number];
export type Pools = Readonly<Record<PoolName, readonly PoolServer[]>>;
