import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pebblePorts } from "../../../src/config/letsencrypt.ts";
import { startLoad, type Load } from "../../../src/ops/load/start-load.ts";
import { gateway, publicUrl, subnet } from "./edge-config.ts";
import type { MonitoringInput } from "./monitoring.ts";
import { other, type NodeName, type PostgresStack } from "./postgres-stack.ts";
import { until } from "./until.ts";

/** A real reason for an alert, and how it is taken away. */
export interface AlertDrill {
  readonly what: string;
  /** Limits that this drill cannot wait for as they are. @default those of all drills */
  readonly settings?: Partial<MonitoringInput>;
  readonly cause: () => Promise<unknown>;
  readonly undo: () => Promise<unknown>;
}

/** Limits for all drills: what is measured in days and minutes, in seconds. */
export const drillAlerts = {
  patienceSeconds: 1,
  // A certificate of a test's CA that ends "soon" ends within minutes.
  certificateDays: 1,
  certificatePatienceSeconds: 2,
  renewalHours: 0.001,
  replicationLagMiB: 1,
  replicationPatienceSeconds: 3,
} satisfies MonitoringInput["alerts"];

/** Of the CA of a stack that is drilled. */
export const pebbleAddress = `${subnet}.40`;

/** In hours: about twenty seconds. */
const moment = 0.006;

/** One for each alert that a stack with everything can have. */
export function alertDrills(
  postgres: PostgresStack,
  drift: DriftMetrics,
): Readonly<Record<string, AlertDrill>> {
  const { stack } = postgres;
  const { incus } = stack;
  const certificates = (words: string): Promise<string> =>
    incus.shell("haproxy", `/usr/local/lib/veza/certificates ${words}`);
  const startPostgres = async (node: NodeName): Promise<void> => {
    await postgres.shell(node, "systemctl start veza-postgres veza-pgbouncer");
    await postgres.untilWell(60);
  };
  let primary: NodeName = "postgres-1";
  const stopPrimary = async (): Promise<void> => {
    primary = await postgres.primary();
    await postgres.shell(primary, "systemctl stop veza-postgres");
  };
  let load: Load | undefined;
  const authority = "/etc/pebble/pebble.json";
  /** Runs shell beside the CA, and waits until it answers again. */
  const atAuthority = (line: string): Promise<string> =>
    incus.shell(
      "pebble",
      `${line} && curl -sk -o /dev/null --retry 30 --retry-connrefused --retry-delay 1 https://${pebbleAddress}:${String(pebblePorts.acme)}/dir`,
    );
  return {
    TargetDown: {
      what: "HAProxy is stopped",
      cause: () => incus.shell("haproxy", "systemctl stop haproxy"),
      undo: () => incus.shell("haproxy", "systemctl start haproxy"),
    },
    ServerDown: {
      what: "an instance's container is stopped",
      cause: () => incus.stop("backend-api-1"),
      undo: () => incus.start("backend-api-1"),
    },
    PoolEmpty: {
      what: "all instances are stopped",
      cause: () => incus.stop("backend-api-1", "backend-api-2"),
      undo: () => incus.start("backend-api-1", "backend-api-2"),
    },
    ManyErrors: {
      what: "the application is asked for what is in a database that is gone",
      cause: async () => {
        await stopPrimary();
        load = startLoad({
          baseUrl: publicUrl,
          http: [
            {
              name: "notes",
              clients: 2,
              pinned: false,
              paths: ["/api/v1/notes"],
              pace: { kind: "rate", perSecond: 4 },
            },
          ],
          maxSeconds: 300,
        });
      },
      undo: async () => {
        await startPostgres(primary);
        // Nobody asks any more: errors are forgotten with the requests.
        await load?.stop();
      },
    },
    CertificateEndsSoon: {
      what: "the CA issues for ten minutes only",
      cause: async () => {
        await atAuthority(
          `cp -a ${authority} ${authority}.kept && sed -i 's/\\("certificateValidityPeriod": \\)[0-9]*/\\1600/' ${authority} && systemctl restart pebble`,
        );
        await certificates("renew --force");
      },
      undo: async () => {
        await atAuthority(`mv ${authority}.kept ${authority} && systemctl restart pebble`);
        await certificates("renew --force");
      },
    },
    CertificateRenewalFails: {
      what: "the CA is down when a certificate is due",
      cause: async () => {
        await incus.shell("pebble", "systemctl stop pebble");
        await certificates("renew --force || :");
      },
      undo: async () => {
        await atAuthority("systemctl start pebble");
        await certificates("renew --force");
      },
    },
    CertificatesUnseen: {
      what: "the timer is stopped",
      settings: { alerts: { ...drillAlerts, certificatesUnseenHours: moment } },
      cause: () => incus.shell("haproxy", "systemctl stop veza-certificates.timer"),
      undo: () => incus.shell("haproxy", "systemctl start veza-certificates.timer veza-certificates.service"),
    },
    NoPrimary: {
      what: "the primary's Postgres is stopped",
      cause: stopPrimary,
      undo: () => startPostgres(primary),
    },
    TwoPrimaries: {
      what: "the nodes cannot reach each other, and a hand promotes the standby",
      cause: async () => {
        primary = await postgres.primary();
        await postgres.cut();
        const standby = other(primary);
        await until("nothing streams", async () => (await postgres.details(standby))?.streaming === false);
        await postgres.shell(standby, "/usr/local/lib/veza/postgres promote --peer-is-gone");
      },
      undo: async () => {
        await postgres.mend();
        await until(
          "the old one is closed",
          async () => (await postgres.details(primary))?.state === "stale",
        );
        await postgres.shell(primary, "/usr/local/lib/veza/postgres demote");
        await postgres.untilWell(60);
      },
    },
    ReplicationLag: {
      what: "the standby does not replay",
      cause: async () => {
        primary = await postgres.primary();
        await postgres.superuser(other(primary), "select pg_wal_replay_pause()");
        await postgres.superuser(
          primary,
          "create table bulk as select g, repeat('x', 900) from generate_series(1, 10000) g",
        );
      },
      undo: async () => {
        await postgres.superuser(other(primary), "select pg_wal_replay_resume()");
        await postgres.superuser(primary, "drop table bulk");
      },
    },
    ReplicationBroken: {
      what: "the nodes cannot reach each other",
      cause: () => postgres.cut(),
      undo: () => postgres.mend(),
    },
    Drift: {
      what: "a hand edits a file, and the timer looks",
      cause: async () => {
        await incus.shell("backend-api-1", "echo 'DEBUG=\"yes\"' >>/etc/veza/backend-api.env");
        await drift.look();
      },
      undo: () => drift.look("--repair", "--yes"),
    },
    DriftUnseen: {
      what: "the timer does not look any more",
      settings: { alerts: { ...drillAlerts, driftHours: moment } },
      cause: () => drift.look(),
      undo: () => drift.look(),
    },
    RuleFails: {
      what: "a rule of one's own matches too much",
      settings: {
        extraRules: "groups:\n  - name: mine\n    rules:\n      - { record: mine, expr: 'up * on() up' }\n",
      },
      cause: () => Promise.resolve(),
      undo: () => Promise.resolve(),
    },
  };
}

/** What `bin/veza drift --metrics` leaves, where a node exporter would answer with it. */
export class DriftMetrics {
  readonly url: string;
  readonly close: () => Promise<void>;
  readonly #postgres: PostgresStack;
  readonly #file: string;

  private constructor(postgres: PostgresStack, file: string, port: number, close: () => Promise<void>) {
    this.#postgres = postgres;
    this.#file = file;
    this.url = `http://${address}:${String(port)}/metrics`;
    this.close = close;
  }

  static async open(postgres: PostgresStack): Promise<DriftMetrics> {
    const file = join(postgres.stack.directory, "drift.prom");
    const server = createServer((_, answer) => {
      void readFile(file, "utf8")
        .catch(() => "")
        .then((text) => answer.setHeader("content-type", "text/plain; version=0.0.4").end(text));
    });
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const { port } = server.address() as AddressInfo;
    return new DriftMetrics(postgres, file, port, async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }

  /** Runs the verb as the timer does. */
  async look(...words: readonly string[]): Promise<void> {
    // A node that was just busy may need a second look.
    for (let left = 3; ; left--) {
      const { exitCode, all } = await this.#postgres.stack.veza("drift", "--metrics", this.#file, ...words);
      if (exitCode === 0 || exitCode === 2) return;
      if (left === 0) throw new Error(`bin/veza drift ended with ${String(exitCode)}:\n${all}`);
      await delay(2_000);
    }
  }
}

/** This machine's, on the bridge of the test. */
const address = gateway.replace(/\/.*/, "");
