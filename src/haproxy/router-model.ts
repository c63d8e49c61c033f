import type { NetworkConfig } from "../config/incus.ts";
import {
  postgresNodeName,
  postgresPorts,
  type DatabaseRouterConfig,
  type PostgresConfig,
} from "../config/postgres.ts";
import type { TcpServer } from "./listen.ts";
import { subnetOf, type HaproxyModel } from "./model.ts";

/** The listener that leads to the primary; operators' commands go by this name. */
export const primaryListen = "pg-primary";

/** How long a session may say nothing: a lock held overnight is still there. */
const idleSeconds = 43_200;

/**
 * A database router: connections for port 6433 go to PgBouncer on the one node whose pg-health says that it takes
 * writes. Statistics and metrics are answered to the bridge.
 */
export function databaseRouterModel(
  config: PostgresConfig,
  router: DatabaseRouterConfig,
  network: NetworkConfig,
): HaproxyModel {
  const [gateway = ""] = network.gateway.split("/");
  const servers = config.nodes.map(({ id, address }): TcpServer => {
    const name = postgresNodeName(id);
    const server = { id, name, address, port: postgresPorts.pgbouncer };
    // Incus' DNS knows the containers of its bridge.
    return id === router.localNode ? { ...server, hostName: `${name}.incus` } : server;
  });
  return {
    // A line for each session.
    accessLog: { keepMiB: 128 },
    global: {
      // As many as a node's PgBouncer takes.
      connections: 10 * config.connections,
      headerBytes: 16_384,
      oldWorkers: 50,
      // A session outlives the configuration that it began with as long as it could be silent.
      oldWorkerSeconds: idleSeconds,
    },
    // Only statistics are HTTP.
    defaults: {
      connectMs: 1_000,
      checkMs: 2_000,
      clientSeconds: 30,
      serverSeconds: 30,
      requestSeconds: 10,
      keepAliveSeconds: 15,
      queueSeconds: 5,
      tunnelSeconds: 3_600,
      finSeconds: 10,
    },
    frontends: [
      {
        kind: "stats",
        name: "stats",
        port: postgresPorts.routerStats,
        allowedFrom: [subnetOf(network), "127.0.0.0/8"],
        routes: [],
      },
    ],
    backends: [],
    listens: [
      {
        name: primaryListen,
        port: postgresPorts.vip,
        check: {
          port: postgresPorts.health,
          path: "/",
          // pg-health says by itself, within about a second, that Postgres hangs; a busy machine may take its time.
          timeoutMs: 3_000,
          intervalMs: 2_000,
          fastIntervalMs: 500,
          // Not more failures than successes: an old primary is gone before a new one is there.
          fall: 2,
          rise: 2,
        },
        connectMs: 1_000,
        idleSeconds,
        finSeconds: 10,
        servers,
      },
    ],
    ...(servers.some(({ hostName }) => hostName !== undefined) && {
      resolvers: { name: "bridge", address: gateway, holdSeconds: idleSeconds },
    }),
  };
}
