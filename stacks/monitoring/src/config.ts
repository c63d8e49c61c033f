import { z } from "zod";
import { containerName, hostName, ipv4, port } from "../../../src/config/common.ts";
import { limitsSchema } from "../../../src/config/incus.ts";
import { ownKeys, problemsIn, type ConfigOf } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/config/problem.ts";

export const monitoringProject: ConfigOf = { project: "veza-monitoring", reference: "docs/monitoring.md" };

/** Jobs that are made from the stack's outputs; other targets have other names. */
export const ownJobs = ["haproxy", "certificates", "database-router", "postgres", "prometheus"] as const;

const seconds = (least: number, most: number) => z.int().min(least).max(most);

/** Parts of one count, too: 0.5 is half an hour. */
const hours = z.number().min(0.001).max(8_760);

const publish = z.strictObject({
  /** Address of the host. @default 127.0.0.1 */
  address: ipv4.default("127.0.0.1"),
  port,
});

const url = z
  .url({ protocol: /^https?$/, error: "must be an http:// or https:// URL" })
  .refine((text) => !/[?#]/.test(text), "must be without a query");

/** Everything below `config:` in stacks/monitoring/Pulumi.<stack>.yaml, without the `veza-monitoring:` in front. */
export const monitoringSchema = z.strictObject({
  /** The stack that is watched, as a StackReference names it. @default organization/veza-edge/<this stack's name> */
  edge: z.string().min(1).optional(),
  /** Host that Prometheus lives on. @default the watched stack's only one */
  host: hostName.optional(),
  /** Name of its container. @default prometheus */
  name: containerName.default("prometheus"),
  /** IPv4 address on the watched stack's bridge. */
  address: ipv4,
  /** Where the host hands its traffic to Prometheus, which asks nobody who he is; empty: on the bridge only. @default [] */
  publish: z.array(publish).default([]),
  /** Size limits of the container. @default none */
  limits: limitsSchema.optional(),
  /** Raise it to build the image anew with today's packages; the container is then replaced, its data stays. @default 1 */
  imageRevision: z.int().min(1).default(1),
  /** What becomes of the measurements when the stack is destroyed: `keep` leaves their volume. @default keep */
  volumes: z.enum(["keep", "remove"]).default("keep"),
  /** How long measurements are kept: until the first of the two is reached. */
  retention: z
    .strictObject({
      /** @default 15 */
      days: z.int().min(1).max(3_650).default(15),
      /** @default 5 */
      gib: z.int().min(1).max(10_000).default(5),
    })
    .prefault({}),
  /** Seconds between two looks at a target; certificates are looked at every fourth time. @default 15 */
  scrapeSeconds: seconds(1, 300).default(15),
  alerts: z
    .strictObject({
      /** Seconds that a thing has to be down before it is an alert; what cuts users off altogether is one at once. @default 60 */
      patienceSeconds: seconds(0, 3_600).default(60),
      /** Per cent of a pool's answers that may be errors (5xx). @default 5 */
      errorPercent: z.int().min(1).max(100).default(5),
      /** Days before its end at which a certificate should have been renewed. @default 15 */
      certificateDays: z.int().min(1).max(365).default(15),
      /** Seconds that a certificate has to be near its end, or missing, before it is an alert. @default 3600 */
      certificatePatienceSeconds: seconds(0, 86_400).default(3_600),
      /** Hours that renewal has to have failed: one bad night heals by itself. @default 30 */
      renewalHours: hours.default(30),
      /** Hours after which it should have been looked again whether a certificate is due: three times `renewal.schedule`. @default 72 */
      certificatesUnseenHours: hours.default(72),
      /** MiB of WAL that the standby may be behind. @default 64 */
      replicationLagMiB: z.int().min(1).default(64),
      /** Seconds that the standby has to be behind, or cut off, before it is an alert. @default 300 */
      replicationPatienceSeconds: seconds(0, 3_600).default(300),
      /** Hours after which `bin/veza drift` should have looked again. @default 2 */
      driftHours: hours.default(2),
    })
    .prefault({}),
  /** Alertmanagers that alerts are sent to, as ADDRESS:PORT. @default nobody is told; the dashboard shows them */
  alertmanagers: z.array(z.string().regex(/^[A-Za-z0-9.-]+:\d{1,5}$/, "must be ADDRESS:PORT")).default([]),
  /** Other things to scrape, by the name of their job, e.g. `node: http://10.77.0.1:9100/metrics`. @default {} */
  extraTargets: z
    .record(
      hostName.refine(
        (name) => !ownJobs.some((own) => own === name),
        "is the name of a job of its own already",
      ),
      url,
    )
    .default({}),
  /** A Prometheus rules file (`groups: …`) of your own. @default none */
  extraRules: z
    .string()
    .regex(/^[\n\t\P{Cc}]+$/u, "must be plain text")
    .optional(),
});
export type MonitoringConfig = z.infer<typeof monitoringSchema>;

/**
 * Parses the whole config at once.
 * @param raw every config key of the stack
 * @throws ConfigError that lists every mistake with its YAML path
 */
export function loadMonitoringConfig(
  stack: string,
  raw: Readonly<Record<string, unknown>>,
): MonitoringConfig {
  const parsed = monitoringSchema.safeParse(ownKeys(raw, monitoringProject.project));
  if (!parsed.success) throw new ConfigError(stack, problemsIn(parsed.error, monitoringProject));
  return parsed.data;
}

/** The stack that is watched, as a StackReference names it. */
export function watchedStack(stack: string, { edge }: MonitoringConfig): string {
  return edge ?? `organization/veza-edge/${stack}`;
}
