import { stringify } from "yaml";

/** How an alert comes and goes, with the lab's rules. Times are in seconds from the first measurement. */
export interface AlertCase {
  readonly alert: string;
  /** Seconds between two measurements. */
  readonly step: number;
  /** Measurements by series, in promtool's notation: `1x12 0x24` is thirteen ones and 25 noughts. */
  readonly series: Readonly<Record<string, string>>;
  /** When it does not fire yet, fires, and has cleared. */
  readonly quiet: number;
  readonly fires: number;
  readonly clear: number;
  /** Labels of the alert beside its name. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly next: string;
}

const server = { job: "haproxy", instance: "haproxy", proxy: "api_pool" };
const certificate = { job: "certificates", instance: "haproxy", name: "veza.test" };
const hour = 3600;

function series(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(",")}}`;
}

function node(id: 1 | 2): Readonly<Record<string, string>> {
  return { job: "postgres", instance: `postgres-${String(id)}`, node: `postgres-${String(id)}` };
}

/** A minute well, two minutes not, a minute well, measured every five seconds. */
const minutes = { step: 5, quiet: 55, fires: 120, clear: 215 } as const;
const topology = "bin/veza topology --stack lab";
const list = "incus list --project veza-lab";

export const alertCases: readonly AlertCase[] = [
  {
    alert: "TargetDown",
    ...minutes,
    series: { 'up{job="postgres",instance="postgres-1"}': "1x12 0x24 1x12" },
    labels: { severity: "page", job: "postgres", instance: "postgres-1" },
    summary: "postgres of postgres-1 does not answer: it is not seen what state it is in",
    next: list,
  },
  {
    alert: "ServerDown",
    ...minutes,
    series: {
      [series("haproxy_server_status", { ...server, server: "backend-api-1", state: "DOWN" })]:
        "0x12 1x24 0x12",
      [series("haproxy_server_status", { ...server, server: "backend-api-2", state: "MAINT" })]: "1x60",
    },
    labels: { severity: "ticket", instance: "haproxy", proxy: "api_pool", server: "backend-api-1" },
    summary: "backend-api-1 in api_pool is DOWN, says haproxy; the others take its requests",
    next: "incus exec backend-api-1 --project veza-lab -- systemctl --failed",
  },
  {
    alert: "PoolEmpty",
    ...minutes,
    // At once.
    fires: 70,
    series: { [series("haproxy_backend_status", { ...server, state: "UP" })]: "1x12 0x24 1x12" },
    labels: { severity: "page", instance: "haproxy", proxy: "api_pool" },
    summary: "api_pool has no server that could answer, says haproxy: its clients get 503",
    next: list,
  },
  {
    alert: "ManyErrors",
    step: 5,
    quiet: 55,
    fires: 180,
    clear: 300,
    // Two of twelve answers a second.
    series: {
      [series("haproxy_backend_http_responses_total", { ...server, code: "5xx" })]: "0x12 10+10x24 250x30",
      [series("haproxy_backend_http_responses_total", { ...server, code: "2xx" })]: "0+50x80",
    },
    labels: { severity: "page", proxy: "api_pool" },
    summary: "16.67% of the answers of api_pool are errors (5xx)",
    next: `bin/veza logs haproxy --stack lab --requests -n 5000 | grep '"status": 5'`,
  },
  {
    alert: "CertificateEndsSoon",
    step: 240,
    quiet: hour,
    fires: 1.5 * hour,
    clear: 2.4 * hour,
    series: { [series("veza_certificate_days_left", certificate)]: "20x4 14x29 89x20" },
    labels: { severity: "page", ...certificate },
    summary: "the certificate of veza.test ends in less than 15 days, or was never issued",
    next: "bin/veza certs --stack lab",
  },
  {
    alert: "CertificateEndsSoon",
    step: 240,
    quiet: hour / 2,
    fires: 1.5 * hour,
    clear: 2.4 * hour,
    series: { [series("veza_certificate_issued", certificate)]: "0x30 1x20" },
    labels: { severity: "page", ...certificate },
    summary: "the certificate of veza.test ends in less than 15 days, or was never issued",
    next: "bin/veza certs --stack lab",
  },
  {
    alert: "CertificateRenewalFails",
    step: 240,
    // One bad night.
    quiet: 25 * hour,
    fires: 31 * hour,
    clear: 32.5 * hour,
    series: { [series("veza_certificate_last_renewal_success", certificate)]: "0x479 1x60" },
    labels: { severity: "ticket", ...certificate },
    summary: "the certificate of veza.test could not be renewed for more than 30 hours",
    next: "bin/veza certs --stack lab",
  },
  {
    alert: "CertificatesUnseen",
    step: 240,
    quiet: 71 * hour,
    fires: 72.5 * hour,
    clear: 73.5 * hour,
    series: {
      'veza_certificates_last_look_timestamp_seconds{job="certificates",instance="haproxy"}': `0x1094 ${String(73 * hour)}x30`,
    },
    labels: { severity: "ticket", job: "certificates", instance: "haproxy" },
    summary: "haproxy has not looked for 72 hours whether a certificate is due",
    next: "incus exec haproxy --project veza-lab -- systemctl status veza-certificates.timer",
  },
  {
    alert: "NoPrimary",
    ...minutes,
    series: {
      [series("veza_postgres_state", { ...node(1), state: "primary" })]: "1x12 0x24 0x12",
      [series("veza_postgres_state", { ...node(2), state: "primary" })]: "0x12 0x24 1x12",
    },
    labels: { severity: "page" },
    summary: "no database node takes writes",
    next: topology,
  },
  {
    alert: "NoPrimary",
    ...minutes,
    // Neither answers.
    series: { [series("veza_postgres_state", { ...node(1), state: "primary" })]: "1x12 stale _x23 1x12" },
    labels: { severity: "page" },
    summary: "no database node takes writes",
    next: topology,
  },
  {
    alert: "TwoPrimaries",
    ...minutes,
    series: {
      [series("veza_postgres_state", { ...node(1), state: "primary" })]: "1x60",
      [series("veza_postgres_state", { ...node(2), state: "primary" })]: "0x12 1x24 0x12",
    },
    labels: { severity: "page" },
    summary: "2 database nodes say that they take writes; the routers refuse everybody meanwhile",
    next: topology,
  },
  {
    alert: "TwoPrimaries",
    ...minutes,
    // As only a router sees it.
    series: Object.fromEntries(
      ([1, 2] as const).map((id) => [
        series("haproxy_server_status", {
          job: "database-router",
          instance: "db-router-1",
          proxy: "pg-primary",
          server: `postgres-${String(id)}`,
          state: "UP",
        }),
        id === 1 ? "1x60" : "0x12 1x24 0x12",
      ]),
    ),
    labels: { severity: "page" },
    summary: "2 database nodes say that they take writes; the routers refuse everybody meanwhile",
    next: topology,
  },
  {
    alert: "ReplicationLag",
    step: 5,
    quiet: 300,
    fires: 420,
    clear: 520,
    series: {
      [series("veza_postgres_replication_lag_bytes", node(1))]: `0x12 ${String(128 * 1024 * 1024)}x85 0x12`,
      [series("veza_postgres_replication_lag_bytes", node(2))]: "0x112",
    },
    labels: { severity: "ticket" },
    summary: "the standby is 128MiB of WAL behind: a failover now would lose that much",
    next: topology,
  },
  {
    alert: "ReplicationBroken",
    step: 5,
    quiet: 300,
    fires: 420,
    clear: 520,
    series: {
      [series("veza_postgres_streaming", node(1))]: "1x12 0x85 1x12",
      [series("veza_postgres_streaming", node(2))]: "1x112",
    },
    labels: { severity: "page" },
    summary: "no WAL streams between the database nodes: there is no standby to go to",
    next: topology,
  },
  {
    alert: "Drift",
    ...minutes,
    series: { 'veza_drift_items{job="node",instance="node",stack="lab"}': "0x12 3x24 0x12" },
    labels: { severity: "ticket", job: "node", instance: "node", stack: "lab" },
    summary: "3 things on the hosts are not as they were deployed",
    next: "bin/veza drift --stack lab",
  },
  {
    alert: "DriftUnseen",
    step: 240,
    quiet: 1.9 * hour,
    fires: 2.5 * hour,
    clear: 3.5 * hour,
    series: {
      'veza_drift_last_look_timestamp_seconds{job="node",instance="node",stack="lab"}': `0x44 ${String(3 * hour)}x30`,
      'veza_drift_last_look_timestamp_seconds{job="node",instance="node",stack="prod"}': "0x80",
    },
    labels: { severity: "ticket", job: "node", instance: "node", stack: "lab" },
    summary: "nobody has looked for drift for more than 2 hours",
    next: "bin/veza drift --stack lab",
  },
  {
    alert: "RuleFails",
    ...minutes,
    series: {
      'prometheus_rule_evaluation_failures_total{job="prometheus",instance="prometheus",rule_group="x"}':
        "0x12 1+1x24 25x80",
    },
    clear: 300,
    labels: { severity: "ticket", job: "prometheus", instance: "prometheus", rule_group: "x" },
    summary: "rules of x cannot be worked out: alerts may be missing",
    next: "incus exec prometheus --project veza-monitoring-lab -- journalctl -u prometheus -o cat -n 20",
  },
];

/** What `promtool test rules` reads beside the rules: one file for each interval at which things are measured. */
export function promtoolTests(): readonly { readonly name: string; readonly content: string }[] {
  return [...Map.groupBy(alertCases, ({ step }) => step)].map(([step, cases]) => ({
    name: `every-${String(step)}s.test.yml`,
    content: promtoolTest(step, cases),
  }));
}

function promtoolTest(step: number, cases: readonly AlertCase[]): string {
  return stringify(
    {
      rule_files: ["records.yml", "alerts.yml"],
      evaluation_interval: `${String(step)}s`,
      tests: cases.map(({ alert, series: measured, quiet, fires, clear, labels, summary, next }) => ({
        name: `${alert}, as ${Object.keys(measured).join(" and ")}`,
        interval: `${String(step)}s`,
        input_series: Object.entries(measured).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          ...[quiet, clear].map((at) => ({ eval_time: `${String(at)}s`, alertname: alert, exp_alerts: [] })),
          {
            eval_time: `${String(fires)}s`,
            alertname: alert,
            exp_alerts: [{ exp_labels: labels, exp_annotations: { summary, next } }],
          },
        ],
      })),
    },
    { aliasDuplicateObjects: false },
  );
}
