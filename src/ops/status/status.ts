import { serverStatus, type Stat } from "../../haproxy/runtime.ts";
import type { Reported } from "../certificates/report.ts";
import type { Mark } from "../converge/mark.ts";
import type { LookNote } from "../drift/note.ts";
import type { Judgement as MaintenanceJudgement, MaintenanceState } from "../maintenance/state.ts";
import type { Judgement } from "../postgres/judge.ts";
import type { Topology } from "../postgres/topology.ts";

/** A stack at one moment, as everybody concerned said it within the last seconds. */
export interface Status {
  readonly stack: string;
  /** Incus project, on every host. */
  readonly project: string;
  readonly hosts: readonly HostStatus[];
  /** The last look for drift that a host knows of; null when nobody has looked. */
  readonly drift: Part<LookNote | null>;
  readonly containers: readonly ContainerStatus[];
  readonly loadBalancers: readonly LoadBalancerStatus[];
  readonly certificates: Part<readonly Reported[]>;
  /** Whether clients are closed out, and applications kept stopped. */
  readonly maintenance: Part<MaintenanceJudgement & MaintenanceState>;
  /** Absent for a stack without Postgres. */
  readonly database?: Part<Judgement & Topology>;
}

/** What was asked for, or why it is not known. */
export type Part<T> = { readonly seen: T } | { readonly problem: string };

export interface HostStatus {
  readonly name: string;
  /** Where it is, in words. */
  readonly where: string;
  /** How the last update of the stack stands there. */
  readonly update: Part<Mark>;
}

export interface ContainerStatus {
  readonly name: string;
  readonly host: string;
  /** Empty where it is not known. */
  readonly address: string;
  /** Incus' words (`Running`, `Stopped`), `absent` where it should be and is not, `unknown` where its host says nothing. */
  readonly state: string;
}

export interface LoadBalancerStatus {
  readonly name: string;
  readonly traffic: Part<Traffic>;
}

/** What a load balancer's newest worker counts. */
export interface Traffic {
  /** Of clients, now. */
  readonly connections: number;
  /** In the second before. */
  readonly requestsPerSecond: number;
  /** Answers of status 5xx since its last reload. */
  readonly errors: number;
  readonly servers: readonly ServerTraffic[];
}

/** One server of a pool, or of the backend beside it that has its WebSockets. */
export interface ServerTraffic {
  /** As in haproxy.cfg; `api_pool_websockets` follows `api_pool`. */
  readonly pool: string;
  readonly server: string;
  /** HAProxy's own word: `UP`, `DOWN 1/2`, `DRAIN`, `DOWN (agent)`, `MAINT` … */
  readonly status: string;
  /** Seconds since it went UP or DOWN; absent where it never did. */
  readonly sinceSeconds?: number;
  /** Who keeps new sessions from it: an operator, or the instance itself, which is being rolled out. */
  readonly keptBack?: "operator" | "instance";
  /** Why its agent was not heard by the last look; absent where it was, or there is none. */
  readonly agentSilent?: string;
  readonly sessions: number;
  readonly perSecond: number;
  /** Since the load balancer's last reload. */
  readonly errors: number;
}

/** Ends the name of the backend that has a pool's WebSockets. */
export const websockets = "_websockets";

/** Picks from HAProxy's statistics what concerns clients and the pools. */
export function trafficFrom(stats: readonly Stat[], pools: readonly string[]): Traffic {
  const shown = pools.flatMap((pool) => [pool, pool + websockets]);
  // The frontend of the statistics is for whoever looks, this program included.
  const frontends = stats.filter(({ kind, proxy }) => kind === "frontend" && proxy !== "stats");
  const sum = (of: (stat: Stat) => number): number => frontends.reduce((all, stat) => all + of(stat), 0);
  return {
    connections: sum(({ sessions }) => sessions),
    requestsPerSecond: sum(({ perSecond }) => perSecond),
    errors: sum(({ errors }) => errors),
    servers: stats
      .filter(({ kind, proxy }) => kind === "server" && shown.includes(proxy))
      .map(({ proxy: pool, name: server, status, sessions, perSecond, errors, ...stat }) => ({
        ...{ pool, server, status, sessions, perSecond, errors },
        ...(stat.agentSilent === undefined ? {} : { agentSilent: stat.agentSilent }),
        ...(stat.lastChangeSeconds === undefined ? {} : { sinceSeconds: stat.lastChangeSeconds }),
        ...keptBack(status, stat.userWeight),
      })),
  };
}

function keptBack(status: string, userWeight: number | undefined): Pick<ServerTraffic, "keptBack"> {
  switch (serverStatus({ status })) {
    case "maint":
      return { keptBack: "operator" };
    case "drain":
      return { keptBack: userWeight === 0 ? "instance" : "operator" };
    case "up":
    case "down":
    case "unchecked":
    case "unknown":
      return {};
  }
}
