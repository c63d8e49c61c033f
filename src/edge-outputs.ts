import type { Pools } from "./config/pool.ts";
import { databaseRouterName, postgresNodeName, postgresPorts } from "./config/postgres.ts";
import type { StackConfig } from "./config/stack.ts";
import { databaseAddress, firstDatabase } from "./edge-database.ts";
import { outputsVersion, type EdgeOutputs } from "./outputs.ts";

/** What a stack tells others, from its config alone: the same at preview and after an update. */
export function edgeOutputs(stack: string, config: StackConfig, pools: Pools): EdgeOutputs {
  const [only = ""] = Object.keys(config.hosts);
  const { loadBalancer: lb, letsencrypt } = config;
  const publicServer = ({
    id,
    name,
    address,
    port,
  }: Pools[keyof Pools][number]): EdgeOutputs["pools"]["api_pool"][number] => ({
    id,
    name,
    address,
    port,
  });
  return {
    version: outputsVersion,
    project: `veza-${stack}`,
    network: config.network,
    storage: config.storage,
    hosts: config.hosts,
    loadBalancers: (lb?.instances ?? []).map((instance) => {
      const ports = lb?.ports ?? { http: 80, https: 443, stats: 9100 };
      const { https, ...plain } = ports;
      const hasTls = lb?.tls !== undefined || letsencrypt !== undefined;
      const stats = `http://${instance.address}:${String(ports.stats)}`;
      return {
        name: instance.name,
        host: instance.host ?? only,
        address: instance.address,
        ports: hasTls ? { ...plain, https } : plain,
        urls: [...instance.publish, { address: instance.address, ...ports }].flatMap((at) => {
          const https = hasTls && at.https !== undefined ? [`https://${at.address}:${String(at.https)}`] : [];
          const http = at.http === undefined ? [] : [`http://${at.address}:${String(at.http)}`];
          // With a certificate that was brought, plain HTTP only redirects. Issued ones are for names: an address
          // is served without TLS, and with it under a name that is not its own.
          return letsencrypt === undefined ? [...https, ...http] : [...http, ...https];
        }),
        stats: `${stats}/stats`,
        metrics: `${stats}/metrics`,
        ...(letsencrypt === undefined ? {} : { certificateMetrics: `${stats}/metrics/certificates` }),
      };
    }),
    pools: { api_pool: pools.api_pool.map(publicServer), stream_pool: pools.stream_pool.map(publicServer) },
    certificates: (letsencrypt?.certificates ?? []).map(({ names }) => ({
      name: names[0] ?? "",
      names,
      loadBalancer: lb?.instances[0]?.name ?? "",
    })),
    instances: Object.entries(config.fleets).flatMap(([fleet, { pool, instances }]) =>
      instances.map(({ id, address, host }) => ({
        name: `${fleet}-${String(id)}`,
        fleet,
        pool,
        host: host ?? only,
        address,
      })),
    ),
    ...databaseOutputs(config, only),
    ...(lb === undefined ? {} : { cookie: lb.cookie.name }),
  };
}

function databaseOutputs(
  { postgres }: StackConfig,
  only: string,
): Pick<EdgeOutputs, "postgres" | "database"> {
  if (postgres === undefined) return {};
  return {
    postgres: {
      nodes: postgres.nodes.map(({ id, host = only, address }) => ({
        name: postgresNodeName(id),
        host,
        address,
        metrics: `http://${address}:${String(postgresPorts.health)}/metrics`,
      })),
      routers: postgres.routers.map(({ id, host = only, address }) => {
        const at = `http://${address}:${String(postgresPorts.routerStats)}`;
        return {
          name: databaseRouterName(id),
          host,
          address,
          stats: `${at}/stats`,
          metrics: `${at}/metrics`,
        };
      }),
      snapshotsKept: postgres.snapshotsKept,
    },
    database: databaseAddress(postgres, firstDatabase(postgres).name, postgres.routers[0]?.host),
  };
}
