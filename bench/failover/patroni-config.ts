import { postgresPorts } from "../../src/config/postgres.ts";

/** A node of the cluster that Patroni runs. */
export interface PatroniNode {
  readonly name: string;
  readonly address: string;
}

export interface PatroniCluster {
  /** Address of etcd. */
  readonly etcd: string;
  /** First three numbers of everybody's addresses. */
  readonly subnet: string;
  /** Settings of Postgres, by name. */
  readonly settings: Readonly<Record<string, string>>;
}

export const scope = "veza";
export const restPort = 8008;
const password = "only-for-a-bench";

/** Of our nodes' settings, those that say where a node is and whom it follows: Patroni has its own word for them. */
const patroniSays = [
  "cluster_name",
  "data_directory",
  "hba_file",
  "ident_file",
  "listen_addresses",
  "port",
  "primary_conninfo",
  "primary_slot_name",
  "synchronous_standby_names",
  "server_version",
  "unix_socket_directories",
];

/** Settings of one of our nodes, for a cluster that shall be like it. */
export function settingsLike(ours: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(ours).filter(([name]) => !patroniSays.includes(name)));
}

/**
 * A node's `patroni.yml`, whose YAML is JSON: Patroni's own example, with the shortest times that its documentation
 * allows, and no wait for a leader that may come back.
 */
export function patroniConfig({ name, address }: PatroniNode, cluster: PatroniCluster): string {
  const { etcd, subnet, settings } = cluster;
  const config = {
    scope,
    name,
    restapi: { listen: `0.0.0.0:${String(restPort)}`, connect_address: `${address}:${String(restPort)}` },
    etcd3: { hosts: [`${etcd}:2379`] },
    bootstrap: {
      dcs: {
        ttl: 20,
        loop_wait: 1,
        retry_timeout: 3,
        primary_start_timeout: 0,
        maximum_lag_on_failover: 16 * 1024 * 1024,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters: settings },
      },
      initdb: [{ encoding: "UTF8" }, "data-checksums"],
    },
    postgresql: {
      listen: `0.0.0.0:${String(postgresPorts.postgres)}`,
      connect_address: `${address}:${String(postgresPorts.postgres)}`,
      bin_dir: "/usr/lib/postgresql/17/bin",
      data_dir: "/var/lib/postgresql/17/veza",
      pgpass: "/var/lib/postgresql/patroni-pgpass",
      authentication: {
        superuser: { username: "postgres", password },
        replication: { username: "replicator", password },
      },
      pg_hba: [
        "local all all trust",
        "host all all 127.0.0.1/32 scram-sha-256",
        `host all all ${subnet}.0/24 scram-sha-256`,
        `host replication replicator ${subnet}.0/24 scram-sha-256`,
      ],
    },
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
