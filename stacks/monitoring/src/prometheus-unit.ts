import { readFileSync } from "node:fs";
import { z } from "zod";
import type { FileSpec } from "../../../src/incus/file-spec.ts";
import type { FilesSpec } from "../../../src/incus/files-body.ts";
import type { ImageSpec } from "../../../src/incus/image.ts";
import type { EdgeOutputs } from "../../../src/outputs.ts";
import { readScript } from "../../../src/shell/read-script.ts";
import { renderTemplate } from "../../../src/templating/render.ts";
import type { MonitoringConfig } from "./config.ts";
import { prometheusPort, scrapeJobs } from "./scrape.ts";

/** Where Prometheus keeps what it measured. */
export const measurements = "/var/lib/prometheus/metrics2";

/** What its container is made from. */
export function prometheusImage({ imageRevision }: Pick<MonitoringConfig, "imageRevision">): ImageSpec {
  return { suite: "trixie", packages: ["prometheus"], revision: imageRevision };
}

const rules = "/etc/prometheus/rules";
const dashboard = "/usr/share/veza/dashboard";
const dropIn = "/etc/systemd/system/prometheus.service.d/veza.conf";

/** Seconds for everything: after a crash it reads what it had not yet put away. */
export const pushSeconds = 180;

/** What is watched, and how. */
export interface Watch {
  /** Name of the watched stack. */
  readonly stack: string;
  readonly edge: EdgeOutputs;
  readonly config: MonitoringConfig;
}

/**
 * Prometheus with its rules and the dashboard. A configuration that promtool refuses changes nothing; one that is
 * accepted is loaded without a restart.
 * @throws RangeError as `scrapeJobs` does
 */
export function prometheusUnit(watch: Watch): FilesSpec {
  return {
    unit: "prometheus",
    files: [
      configFile(watch),
      ...ruleFiles(watch),
      serviceFile(watch.config),
      ...["index.html", "dashboard.css", "page.js", "view.js"].map((name) =>
        file(`${dashboard}/${name}`, readFileSync(new URL(`../dashboard/${name}`, import.meta.url), "utf8")),
      ),
    ],
    followUp: {
      script: readScript(import.meta.url, "prometheus.sh"),
      parameters: { DATA: measurements, DROP_IN: dropIn, PORT: prometheusPort },
    },
  };
}

function file(path: string, content: string): FileSpec {
  return { path, content, mode: "0644", owner: "root:root" };
}

/** A duration as Prometheus writes it. */
function duration(seconds: number): string {
  return `${String(seconds)}s`;
}

const configView = z.object({
  scrapeSeconds: z.string(),
  timeoutSeconds: z.string(),
  stack: z.string(),
  ruleFiles: z.array(z.string()),
  alertmanagers: z.array(z.string()),
  jobs: z.array(
    z.object({
      name: z.string(),
      scheme: z.string(),
      path: z.string(),
      intervalSeconds: z.string(),
      timeoutSeconds: z.string(),
      targets: z.array(z.object({ instance: z.string(), address: z.string() })),
    }),
  ),
});

function configFile({ stack, edge, config }: Watch): FileSpec {
  const content = renderTemplate("etc/prometheus/prometheus.yml.hbs", configView, {
    scrapeSeconds: String(config.scrapeSeconds),
    timeoutSeconds: String(Math.min(10, config.scrapeSeconds)),
    stack,
    ruleFiles: ["records", "alerts", ...(config.extraRules === undefined ? [] : ["extra"])].map(
      (name) => `rules/${name}.yml`,
    ),
    alertmanagers: config.alertmanagers,
    jobs: scrapeJobs(edge, config).map(({ intervalSeconds, timeoutSeconds, targets, ...job }) => ({
      ...job,
      intervalSeconds: String(intervalSeconds),
      timeoutSeconds: String(timeoutSeconds),
      targets: targets.map(({ instance, address }) => ({ instance, address })),
    })),
  });
  return file("/etc/prometheus/prometheus.yml", content);
}

const rulesView = z.record(z.string(), z.union([z.string(), z.boolean()]));

/** Recording and alerting rules, and the user's own. */
export function ruleFiles({ stack, edge, config }: Watch): readonly FileSpec[] {
  const { alerts, scrapeSeconds, extraRules } = config;
  const view = {
    stack,
    project: edge.project,
    prometheus: config.name,
    loadBalancer: edge.loadBalancers[0]?.name ?? "",
    // Pools that are meant to be empty are nobody's worry.
    pools: Object.entries(edge.pools)
      .filter(([, servers]) => servers.length > 0)
      .map(([pool]) => pool)
      .join("|"),
    // Four rounds: one that is missed does not stop a rate.
    window: duration(Math.max(60, 4 * scrapeSeconds)),
    twoRounds: duration(2 * scrapeSeconds),
    patience: duration(alerts.patienceSeconds),
    errorRatio: String(alerts.errorPercent / 100),
    certificates: edge.certificates.length > 0,
    certificateDays: String(alerts.certificateDays),
    certificatePatience: duration(alerts.certificatePatienceSeconds),
    renewalHours: String(alerts.renewalHours),
    renewalPatience: duration(Math.ceil(alerts.renewalHours * 3600)),
    certificatesUnseenHours: String(alerts.certificatesUnseenHours),
    database: edge.postgres !== undefined,
    lagBytes: String(alerts.replicationLagMiB * 1024 * 1024),
    replicationPatience: duration(alerts.replicationPatienceSeconds),
    driftHours: String(alerts.driftHours),
  };
  return [
    ...["records", "alerts"].map((name) =>
      file(`${rules}/${name}.yml`, renderTemplate(`etc/prometheus/rules/${name}.yml.hbs`, rulesView, view)),
    ),
    ...(extraRules === undefined ? [] : [file(`${rules}/extra.yml`, `${extraRules.trimEnd()}\n`)]),
  ];
}

function serviceFile({ retention }: MonitoringConfig): FileSpec {
  const view = {
    data: measurements,
    days: String(retention.days),
    gib: String(retention.gib),
    port: String(prometheusPort),
    dashboard,
  };
  return file(
    dropIn,
    renderTemplate("etc/systemd/system/prometheus.service.d/veza.conf.hbs", rulesView, view),
  );
}
