import { challengePrefix } from "../config/certificates.ts";
import type { NetworkConfig } from "../config/incus.ts";
import { closedMap } from "../config/maintenance.ts";
import { staticServerName, type LoadBalancerConfig } from "../config/load-balancer.ts";
import { poolNames, type PoolName, type Pools, type PoolServer } from "../config/pool.ts";
import type { Resolvers, TcpListen } from "./listen.ts";
import { tls, type Certificates, type Tls } from "./tls.ts";

/** Answered by HAProxy itself with 200 on the public listeners, without a server or a log line. */
export const monitorPath = "/.well-known/veza-edge";

/**
 * What one HAProxy has to do, whatever it is for. Plain data: `render.ts` turns it into files, and everything in it
 * was checked before, so that rendering cannot fail. Times are in the unit their name ends with.
 */
export interface HaproxyModel {
  /** MiB of requests and connections that are kept. */
  readonly accessLog: { readonly keepMiB: number };
  readonly global: Global;
  readonly defaults: Defaults;
  readonly frontends: readonly Frontend[];
  readonly backends: readonly Backend[];
  /** TCP, in its own way: nothing of `defaults` holds for it. */
  readonly listens: readonly TcpListen[];
  /** Where servers that go by a name are looked up; absent: there are none. */
  readonly resolvers?: Resolvers;
  /** Whole sections of the user's own. */
  readonly sections?: FreeText;
}

/** Lines that a user wrote, and where, so that HAProxy's complaint about one of them leads back there. */
export interface FreeText {
  readonly yamlPath: string;
  readonly text: string;
}

export interface Global {
  readonly connections: number;
  readonly headerBytes: number;
  readonly oldWorkers: number;
  readonly oldWorkerSeconds: number;
  readonly extra?: FreeText;
}

export interface Defaults {
  readonly connectMs: number;
  readonly checkMs: number;
  readonly clientSeconds: number;
  readonly serverSeconds: number;
  readonly requestSeconds: number;
  readonly keepAliveSeconds: number;
  readonly queueSeconds: number;
  readonly tunnelSeconds: number;
  readonly finSeconds: number;
  readonly extra?: FreeText;
}

export type Frontend = PublicFrontend | StatsFrontend;

/** Takes requests from clients nobody knows. */
export interface PublicFrontend {
  readonly kind: "public";
  readonly name: string;
  readonly httpPort: number;
  /** Absent: no HTTPS. Present: HTTP redirects to it. */
  readonly tls?: Tls;
  readonly maintenance: Maintenance;
  /** Requests below the prefix are the CA's: nothing else that happens to requests happens to them. */
  readonly challenge?: { readonly prefix: string; readonly backend: string };
  readonly routes: readonly { readonly prefix: string; readonly backend: string }[];
  readonly defaultBackend: string;
  readonly extra?: FreeText;
}

/** What clients are told while they are closed out. */
export interface Maintenance {
  /** Map of clients, kept by an operator and not by an update: those with `yes` are closed out. */
  readonly map: string;
  /** Networks that are served whatever the map says. */
  readonly allowedFrom: readonly string[];
  readonly retryAfterSeconds: number;
  /** HTML; absent: a page of our own. */
  readonly page?: string;
}

/** Statistics page, CSV and metrics; read-only. */
export interface StatsFrontend {
  readonly kind: "stats";
  readonly name: string;
  readonly port: number;
  /** Networks that are answered. */
  readonly allowedFrom: readonly string[];
  /** Paths that a program beside HAProxy answers. */
  readonly routes: readonly { readonly path: string; readonly backend: string }[];
}

export type Backend = PoolBackend | FollowBackend | SidecarBackend;

/** Servers that share the requests of one kind. */
export interface PoolBackend {
  readonly kind: "pool";
  readonly name: string;
  readonly balance: Balance;
  readonly check: HttpCheck;
  readonly slowStartSeconds: number;
  /** In order of id. */
  readonly servers: readonly PoolServer[];
  readonly extra?: FreeText;
}

/** Follows the state of one pool's server: it has no usable server as soon as that one takes no new sessions. */
export interface FollowBackend {
  readonly kind: "follow";
  readonly name: string;
  readonly pool: string;
  readonly server: PoolServer;
}

/** One program beside HAProxy. It is not checked: when it does not answer, nobody else could. */
export interface SidecarBackend {
  readonly kind: "sidecar";
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** What the program does not want to see of a path, with the slash at its end. */
  readonly stripPrefix?: string;
}

export type Balance =
  | {
      /** Round robin; a client stays on its server by a cookie. */
      readonly kind: "sticky";
      readonly cookie: string;
    }
  | {
      /** A ring of server ids, entered at the hash of one segment of the path. */
      readonly kind: "path-segment";
      /** 1 for the first segment. */
      readonly segment: number;
    };

export interface HttpCheck {
  readonly path: string;
  readonly intervalSeconds: number;
  readonly fastIntervalSeconds: number;
  readonly fall: number;
  readonly rise: number;
}

/**
 * The edge's load balancer: cookie-bound requests to api_pool, tracks to stream_pool.
 *
 * @param pools what the stack's fleets serve; a pool without any takes the config's static servers
 * @param network its subnet may read statistics
 * @param certificates absent: HTTP only
 * @param maintenancePage absent: a page of our own
 */
export function loadBalancerModel(
  config: LoadBalancerConfig,
  pools: Pools,
  network: NetworkConfig,
  certificates?: Certificates,
  maintenancePage?: string,
): HaproxyModel {
  const { ports, healthChecks, timeouts, limits, slowStartSeconds } = config;
  const stream = config.routes.stream.prefix;
  const balance: Record<PoolName, Balance> = {
    api_pool: { kind: "sticky", cookie: config.cookie.name },
    stream_pool: { kind: "path-segment", segment: stream.split("/").length - 1 },
  };
  const pool = (name: PoolName): PoolBackend => ({
    kind: "pool",
    name,
    balance: balance[name],
    check: {
      path: healthChecks.paths[name],
      intervalSeconds: healthChecks.intervalSeconds,
      fastIntervalSeconds: healthChecks.fastIntervalSeconds,
      fall: healthChecks.fall,
      rise: healthChecks.rise,
    },
    slowStartSeconds,
    servers: serversOf(name, config, pools),
    ...extra(config, name),
  });
  const poolBackends = poolNames.map(pool);
  const sidecars = certificates?.kind === "issued" ? issuing(certificates) : undefined;
  return {
    accessLog: config.accessLog,
    global: { ...limits, ...extra(config, "global") },
    defaults: { ...timeouts, checkMs: healthChecks.timeoutMs, ...extra(config, "defaults") },
    frontends: [
      {
        kind: "public",
        name: "edge",
        httpPort: ports.http,
        ...(certificates && { tls: tls(config, certificates) }),
        maintenance: {
          map: closedMap,
          allowedFrom: config.maintenance.allow,
          retryAfterSeconds: config.maintenance.retryAfterSeconds,
          ...(maintenancePage !== undefined && { page: maintenancePage }),
        },
        ...(sidecars && { challenge: { prefix: challengePrefix, backend: sidecars.challenge.name } }),
        routes: [{ prefix: stream, backend: "stream_pool" }],
        defaultBackend: "api_pool",
        ...extra(config, "frontends"),
      },
      {
        kind: "stats",
        name: "stats",
        port: ports.stats,
        allowedFrom: [subnetOf(network), "127.0.0.0/8"],
        routes: sidecars ? [{ path: "/metrics/certificates", backend: sidecars.metrics.name }] : [],
      },
    ],
    backends: [
      ...poolBackends,
      ...poolBackends.flatMap(followers),
      ...(sidecars ? [sidecars.challenge, sidecars.metrics] : []),
    ],
    listens: [],
    ...(config.extraConfig.sections !== undefined && {
      sections: freeText(config.extraConfig.sections, "sections"),
    }),
  };
}

type Issued = Extract<Certificates, { kind: "issued" }>;

/** The programs beside HAProxy that have to do with certificates. */
function issuing({ challenge, metricsPort }: Issued): {
  readonly challenge: SidecarBackend;
  readonly metrics: SidecarBackend;
} {
  return {
    challenge: { kind: "sidecar", name: "letsencrypt_backend", ...challenge, stripPrefix: challengePrefix },
    metrics: { kind: "sidecar", name: "certificate_metrics", address: "127.0.0.1", port: metricsPort },
  };
}

/** Name of the backend that follows a server's state. */
export function followerName(server: Pick<PoolServer, "name">): string {
  return `follow-${server.name}`;
}

/** Only a pool whose clients are bound to servers needs to know when one of them is to be left. */
function followers(pool: PoolBackend): FollowBackend[] {
  if (pool.balance.kind !== "sticky") return [];
  return pool.servers.map((server) => ({
    kind: "follow",
    name: followerName(server),
    pool: pool.name,
    server,
  }));
}

function serversOf(name: PoolName, config: LoadBalancerConfig, pools: Pools): PoolServer[] {
  const fallback = config.staticServers[name].map((server) => ({
    id: server.id,
    name: staticServerName(server),
    address: server.address,
    port: server.port,
  }));
  return [...(pools[name].length > 0 ? pools[name] : fallback)].sort((a, b) => a.id - b.id);
}

function extra(
  config: LoadBalancerConfig,
  section: Exclude<keyof LoadBalancerConfig["extraConfig"], "sections">,
): { readonly extra?: FreeText } {
  const text = config.extraConfig[section];
  return text === undefined ? {} : { extra: freeText(text, section) };
}

function freeText(text: string, section: keyof LoadBalancerConfig["extraConfig"]): FreeText {
  return { yamlPath: `veza-edge:loadBalancer.extraConfig.${section}`, text };
}

/** The network address of a gateway in its prefix notation: 10.77.0.1/24 → 10.77.0.0/24. */
export function subnetOf({ gateway }: NetworkConfig): string {
  const [address = "", length = "32"] = gateway.split("/");
  const bits = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - Number(length));
  const first = bits - (bits % size);
  const octets = [24, 16, 8, 0].map((shift) => String(Math.floor(first / 2 ** shift) % 256));
  return `${octets.join(".")}/${length}`;
}
