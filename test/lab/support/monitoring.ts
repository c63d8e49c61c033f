import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { z } from "zod";
import type { monitoringSchema } from "../../../stacks/monitoring/src/config.ts";
import { removeProjects } from "../../../tools/machine/projects.ts";
import { prometheusAddress, publishedPrometheusPort } from "./edge-config.ts";
import { IncusProject } from "./incus.ts";
import type { LabStack } from "./stack.ts";
import { until } from "./until.ts";
import { startPulumi, Update, type Ended } from "./update.ts";

const source = fileURLToPath(new URL("../../../stacks/monitoring/", import.meta.url));

/** The config of a monitoring stack as a person writes it. */
export type MonitoringInput = z.input<typeof monitoringSchema>;

/** Looks often and waits for nothing, so that a test sees an alert within seconds. */
const quick: MonitoringInput = {
  address: prometheusAddress,
  publish: [{ port: publishedPrometheusPort }],
  volumes: "remove",
  scrapeSeconds: 1,
  alerts: { patienceSeconds: 1 },
};

const alertsAnswer = z.object({
  data: z.object({
    alerts: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
        state: z.string(),
      }),
    ),
  }),
});

const rulesAnswer = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            name: z.string(),
            type: z.enum(["alerting", "recording"]),
            health: z.string(),
            lastError: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
});

const targetsAnswer = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        health: z.string(),
        lastError: z.string(),
      }),
    ),
  }),
});

const queryAnswer = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

/** The second project as a user has it, watching an edge that a test has deployed; same state folder, own Incus project. */
export class MonitoringStack {
  readonly incus: IncusProject;
  readonly url = `http://127.0.0.1:${String(publishedPrometheusPort)}`;
  readonly #edge: LabStack;
  #runs = 0;

  private constructor(edge: LabStack) {
    this.#edge = edge;
    this.incus = new IncusProject(`veza-monitoring-${edge.name}`);
  }

  /** Nothing is deployed yet; what a killed run of the same tests left is removed. */
  static async open(edge: LabStack, config: Partial<MonitoringInput> = {}): Promise<MonitoringStack> {
    const stack = new MonitoringStack(edge);
    await removeProjects([stack.incus.name]);
    await mkdir(stack.#project);
    await copyFile(join(source, "Pulumi.yaml"), join(stack.#project, "Pulumi.yaml"));
    await symlink(join(source, "src"), join(stack.#project, "src"));
    await stack.configure(config);
    return stack;
  }

  async close(): Promise<void> {
    await removeProjects([this.incus.name]);
  }

  /** Writes the stack file; `up` makes it true. */
  async configure(changes: Partial<MonitoringInput> = {}): Promise<void> {
    const keys = Object.entries({ ...quick, ...changes }).map(([key, value]) => [
      `veza-monitoring:${key}`,
      value,
    ]);
    await writeFile(
      join(this.#project, `Pulumi.${this.#edge.name}.yaml`),
      stringify({ config: Object.fromEntries(keys) as object }, { aliasDuplicateObjects: false }),
    );
  }

  async up(): Promise<Ended> {
    const ended = await this.tryUp();
    if (ended.exitCode !== 0)
      throw new Error(`bin/pulumi up ended with ${String(ended.exitCode)}:\n${ended.said}`);
    return ended;
  }

  async tryUp(): Promise<Ended> {
    this.#runs += 1;
    const events = join(this.#edge.directory, `monitoring-events-${String(this.#runs)}.json`);
    const words = ["up", "--yes", "--skip-preview", "--event-log", events];
    const run = startPulumi(
      [...words, "--stack", this.#edge.name, "--cwd", this.#project],
      `file://${this.#edge.backend}`,
    );
    return new Update(run, events, () => undefined).ended;
  }

  /** Alerts that are pending or firing, by `ALERTNAME of INSTANCE or SERVER`. */
  async alerts(): Promise<ReadonlyMap<string, z.infer<typeof alertsAnswer>["data"]["alerts"][number]>> {
    const { data } = alertsAnswer.parse(await this.#ask("alerts"));
    return new Map(
      data.alerts.map((alert) => {
        const { alertname = "", server, instance = "" } = alert.labels;
        return [`${alertname} of ${server ?? instance}`, alert];
      }),
    );
  }

  /** Names of alerts that fire. */
  async firing(): Promise<ReadonlySet<string>> {
    const firing = [...(await this.alerts()).values()].filter(({ state }) => state === "firing");
    return new Set(firing.map(({ labels }) => labels["alertname"] ?? ""));
  }

  /** Waits until exactly these alerts fire. */
  async fires(...alerts: readonly string[]): Promise<void> {
    let seen: readonly string[] = [];
    const wanted = [...alerts].sort();
    await until(
      `alerts fire: ${wanted.join(", ") || "none"}`,
      async () => {
        const all = [...(await this.alerts())];
        seen = all.filter(([, { state }]) => state === "firing").map(([name]) => name);
        return seen.toSorted().join() === wanted.join();
      },
      60,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it was: ${seen.join(", ") || "none"}`);
    });
  }

  /** What of Prometheus does not change by itself. */
  async running(): Promise<{ readonly pid: string; readonly loaded: string | undefined }> {
    const [loaded] = await this.query("prometheus_config_last_reload_success_timestamp_seconds");
    return { pid: await this.incus.mainPid("prometheus", "prometheus"), loaded: loaded?.value[1] };
  }

  /** Rules that cannot be worked out, and why. */
  async unwell(): Promise<readonly string[]> {
    return (await this.#rules())
      .filter(({ health }) => health === "err")
      .map(({ name, lastError = "" }) => `${name}: ${lastError}`);
  }

  /** Names of the alerts that it may raise. */
  async alertingRules(): Promise<readonly string[]> {
    return (await this.#rules()).filter(({ type }) => type === "alerting").map(({ name }) => name);
  }

  async #rules(): Promise<z.infer<typeof rulesAnswer>["data"]["groups"][number]["rules"]> {
    return rulesAnswer.parse(await this.#ask("rules")).data.groups.flatMap(({ rules }) => rules);
  }

  /** Every target as `JOB of INSTANCE`, with what is wrong with it; an empty text when it is up. */
  async targets(): Promise<ReadonlyMap<string, string>> {
    const { data } = targetsAnswer.parse(await this.#ask("targets"));
    return new Map(
      data.activeTargets.map(({ labels, health, lastError }) => [
        `${labels["job"] ?? ""} of ${labels["instance"] ?? ""}`,
        health === "up" ? "" : `${health} ${lastError}`,
      ]),
    );
  }

  async query(query: string): Promise<z.infer<typeof queryAnswer>["data"]["result"]> {
    return queryAnswer.parse(await this.#ask(`query?query=${encodeURIComponent(query)}`)).data.result;
  }

  async #ask(path: string): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, { signal: AbortSignal.timeout(5_000) });
    return answer.json();
  }

  get #project(): string {
    return join(this.#edge.directory, "monitoring");
  }
}
