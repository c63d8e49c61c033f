import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ConfigError } from "../../src/config/problem.ts";
import { readStackFile } from "../../src/config/stack-file.ts";
import {
  loadMonitoringConfig,
  monitoringSchema,
  ownJobs,
  watchedStack,
  type MonitoringConfig,
} from "../../stacks/monitoring/src/config.ts";
import { placeOf } from "../../stacks/monitoring/src/place.ts";
import { prometheusUnit, ruleFiles } from "../../stacks/monitoring/src/prometheus-unit.ts";
import { dashboardUrls, scrapeJobs } from "../../stacks/monitoring/src/scrape.ts";
import { labOutputs } from "./support/lab-outputs.ts";
import { keysOf } from "./support/schema-keys.ts";

const directory = new URL("../../stacks/monitoring/", import.meta.url);

function configWith(keys: object): MonitoringConfig {
  const all = { address: "10.77.0.80", ...keys };
  return loadMonitoringConfig(
    "lab",
    Object.fromEntries(Object.entries(all).map(([key, value]) => [`veza-monitoring:${key}`, value])),
  );
}

function mistakes(keys: object): readonly string[] {
  try {
    configWith(keys);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

const lab = labOutputs();

/** What a file of the unit is, whole. */
function fileOf(path: string, keys: object = {}, edge = lab): string {
  const { files } = prometheusUnit({ stack: "lab", edge, config: configWith(keys) });
  return files.find((file) => file.path === path)?.content ?? "there is none";
}

describe("the config of monitoring", () => {
  it.each(["lab", "staging", "prod"])("of %s is without mistakes", (stack) => {
    expect(() => loadMonitoringConfig(stack, readStackFile(stack, directory))).not.toThrow();
  });

  it("has its mistakes told all at once, with their paths", () => {
    const wrong = {
      address: "prometheus",
      retention: { days: 0 },
      scrapSeconds: 5,
      extraTargets: { haproxy: "http://10.77.0.9/metrics", node: "10.77.0.1:9100" },
    };
    expect([...mistakes(wrong)].sort()).toEqual([
      "veza-monitoring:address: must be an IPv4 address such as 10.77.0.10",
      expect.stringMatching(/^veza-monitoring:extraTargets\.haproxy: /),
      "veza-monitoring:extraTargets.node: must be an http:// or https:// URL",
      "veza-monitoring:retention.days: must be at least 1",
      "veza-monitoring:scrapSeconds: this key is not known",
    ]);
  });

  it("watches the edge of its own name, or the one that it names", () => {
    expect(watchedStack("lab", configWith({}))).toBe("organization/veza-edge/lab");
    expect(watchedStack("lab", configWith({ edge: "acme/veza-edge/lab" }))).toBe("acme/veza-edge/lab");
  });
});

describe("where Prometheus goes", () => {
  it("is the watched stack's host and bridge", () => {
    expect(placeOf(lab, configWith({}))).toEqual({
      host: "main",
      connection: { connection: "local" },
      network: { bridge: "incusbr0", gateway: "10.77.0.1/24" },
      storage: "default",
    });
  });

  it.each([
    [{ address: "10.78.0.80" }, "is no address for a container in 10.77.0.1/24"],
    [{ address: "10.77.0.1" }, "is no address for a container in 10.77.0.1/24"],
    [{ address: "10.77.0.21" }, "10.77.0.21 is the address of backend-api-1 in veza-lab"],
    [{ name: "haproxy" }, "veza-lab has a container 'haproxy' already, on the same bridge"],
    [{ host: "other" }, "veza-lab has no host 'other'; it has: main"],
  ])("is refused where something is in the way: %j", (keys, message) => {
    expect(() => placeOf(lab, configWith(keys))).toThrow(message);
  });

  it("has to be said when there are several hosts", () => {
    const two = { ...lab, hosts: { ...lab.hosts, other: { connection: "local" as const } } };
    expect(() => placeOf(two, configWith({}))).toThrow("veza-lab has several (main, other)");
    expect(placeOf(two, configWith({ host: "other" })).host).toBe("other");
  });

  it("is not known of a stack that an older program deployed", () => {
    const { network: _network, ...older } = lab;
    expect(() => placeOf(older, configWith({}))).toThrow("veza-lab was deployed by an older version");
  });
});

describe("what is scraped", () => {
  it("is everything of the stack that has metrics, and Prometheus itself", () => {
    const seen = scrapeJobs(lab, configWith({})).flatMap(({ name, path, targets }) =>
      targets.map(({ instance, address }) => `${name} ${instance} ${address}${path}`),
    );
    expect(seen).toEqual([
      "haproxy haproxy 10.77.0.10:9100/metrics",
      "certificates haproxy 10.77.0.10:9100/metrics/certificates",
      "database-router db-router-1 10.77.0.55:8404/metrics",
      "postgres postgres-1 10.77.0.51:8008/metrics",
      "postgres postgres-2 10.77.0.52:8008/metrics",
      "prometheus prometheus 127.0.0.1:9090/metrics",
    ]);
  });

  it("is less where there is less", () => {
    const { postgres: _postgres, ...edge } = { ...lab, loadBalancers: [] };
    expect(scrapeJobs(edge, configWith({})).map(({ name }) => name)).toEqual(["prometheus"]);
  });

  it("is more where the config says so", () => {
    const jobs = scrapeJobs(lab, configWith({ extraTargets: { node: "https://drift.example/metrics" } }));
    expect(jobs.at(-1)).toEqual({
      name: "node",
      scheme: "https",
      path: "/metrics",
      intervalSeconds: 15,
      timeoutSeconds: 10,
      targets: [{ instance: "node", address: "drift.example:443" }],
    });
  });

  it("is not known of a database that an older program deployed", () => {
    const nodes = (lab.postgres?.nodes ?? []).map(({ metrics: _metrics, ...node }) => node);
    const older = lab.postgres && { ...lab, postgres: { ...lab.postgres, nodes } };
    expect(() => scrapeJobs(older ?? lab, configWith({}))).toThrow(
      /does not say where postgres-1 has its metrics\. Nothing was changed/,
    );
  });
});

describe("prometheus.yml", () => {
  it("is this, for a stack with a load balancer alone", () => {
    const { postgres: _postgres, certificates: _certificates, ...rest } = lab;
    const edge = { ...rest, certificates: [], loadBalancers: lab.loadBalancers.slice(0, 1) };
    const keys = { scrapeSeconds: 5, alertmanagers: ["10.77.0.90:9093"], extraRules: "groups: []" };
    expect(parse(fileOf("/etc/prometheus/prometheus.yml", keys, edge))).toEqual({
      global: {
        scrape_interval: "5s",
        scrape_timeout: "5s",
        evaluation_interval: "5s",
        external_labels: { stack: "lab" },
      },
      rule_files: ["rules/records.yml", "rules/alerts.yml", "rules/extra.yml"],
      alerting: { alertmanagers: [{ static_configs: [{ targets: ["10.77.0.90:9093"] }] }] },
      scrape_configs: [
        {
          job_name: "haproxy",
          scheme: "http",
          metrics_path: "/metrics",
          scrape_interval: "5s",
          scrape_timeout: "5s",
          static_configs: [{ targets: ["10.77.0.10:9100"], labels: { instance: "haproxy" } }],
        },
        {
          job_name: "certificates",
          scheme: "http",
          metrics_path: "/metrics/certificates",
          scrape_interval: "20s",
          scrape_timeout: "10s",
          static_configs: [{ targets: ["10.77.0.10:9100"], labels: { instance: "haproxy" } }],
        },
        {
          job_name: "prometheus",
          scheme: "http",
          metrics_path: "/metrics",
          scrape_interval: "5s",
          scrape_timeout: "5s",
          static_configs: [{ targets: ["127.0.0.1:9090"], labels: { instance: "prometheus" } }],
        },
      ],
    });
  });
});

describe("the rules", () => {
  /** Names of alerts, and of what is recorded. */
  const names = (edge = lab): readonly string[] =>
    ruleFiles({ stack: "lab", edge, config: configWith({}) }).flatMap(({ content }) =>
      [...content.matchAll(/^ +- (?:alert|record): (\S+)$/gm)].map(([, name = ""]) => name),
    );

  it("are about what the stack has", () => {
    const { postgres: _postgres, ...rest } = lab;
    const without = names({ ...rest, certificates: [] });
    expect(names().filter((name) => !without.includes(name))).toEqual([
      "database:replication_lag_bytes:max",
      "database:primaries:sum",
      "CertificateEndsSoon",
      "CertificateRenewalFails",
      "CertificatesUnseen",
      "NoPrimary",
      "TwoPrimaries",
      "ReplicationLag",
      "ReplicationBroken",
    ]);
  });

  it("leave pools alone that are meant to be empty", () => {
    const edge = { ...lab, pools: { ...lab.pools, stream_pool: [] } };
    const texts = ruleFiles({ stack: "lab", edge, config: configWith({}) }).map(({ content }) => content);
    expect(texts.join("")).toContain('proxy=~"api_pool"');
    expect(texts.join("")).not.toContain("stream_pool");
  });

  it("have the config's limits", () => {
    const alerts = fileOf("/etc/prometheus/rules/alerts.yml", {
      alerts: { patienceSeconds: 90, errorPercent: 2, certificateDays: 7, replicationLagMiB: 1 },
    });
    for (const part of [
      "for: 90s",
      "errors:ratio > 0.02",
      "days_left < 7",
      "bytes:max > 1048576",
      // Prometheus' own templates come through.
      '"{{ $labels.job }} of {{ $labels.instance }} does not answer',
    ])
      expect(alerts).toContain(part);
  });

  it("of one's own lie beside the others, and end with a newline", () => {
    expect(fileOf("/etc/prometheus/rules/extra.yml", { extraRules: "groups: []" })).toBe("groups: []\n");
    expect(fileOf("/etc/prometheus/rules/extra.yml")).toBe("there is none");
  });
});

it("Prometheus keeps what it is told to, and nobody can stop it or read it from another site", () => {
  const unit = fileOf("/etc/systemd/system/prometheus.service.d/veza.conf", {
    retention: { days: 90, gib: 20 },
  });
  expect(unit).toContain("--storage.tsdb.retention.time=90d");
  expect(unit).toContain("--storage.tsdb.retention.size=20GB");
  expect(unit).toContain("--web.cors.origin=none");
  expect(unit).not.toMatch(/enable-(lifecycle|admin-api)/);
});

it("the dashboard is at the published ports, and on the bridge", () => {
  expect(dashboardUrls(configWith({ publish: [{ port: 9091 }] }))).toEqual([
    "http://127.0.0.1:9091/user/",
    "http://10.77.0.80:9090/user/",
  ]);
});

describe("docs/monitoring.md", () => {
  const text = readFileSync(new URL("../../docs/monitoring.md", import.meta.url), "utf8");
  const part = (heading: string): string => text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  /** What stands as code in the first column of a part's table. */
  const firsts = (heading: string): readonly string[] =>
    [...part(heading).matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code),
    );

  it("shows every key, and the secret one", () => {
    const keys = [...keysOf(monitoringSchema)].map((key) => key.replace(/(\[\]|\.\*).*$/, ""));
    expect([...firsts("Every key")].sort()).toEqual([...new Set([...keys, "sshPrivateKey"])].sort());
  });

  it("shows every alert with its severity", () => {
    const alerts = fileOf("/etc/prometheus/rules/alerts.yml").matchAll(
      /alert: (\S+)[^]*?severity: (page|ticket)/g,
    );
    const shown = part("Alerts").matchAll(/^\| `(\w+)` +\| (page|ticket)/gm);
    const pairs = (found: Iterable<RegExpMatchArray>): readonly string[] =>
      [...found].map(([, name = "", severity = ""]) => `${name} ${severity}`).sort();
    expect(pairs(shown)).toEqual(pairs(alerts));
  });

  it("shows every job", () => {
    expect([...firsts("What there is")].sort()).toEqual([...ownJobs].sort());
  });
});
