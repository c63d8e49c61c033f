import { loadConfig } from "../../src/config/load.ts";
import { readStackFile } from "../../src/config/stack-file.ts";
import type { StackConfig } from "../../src/config/stack.ts";
import { loadMonitoringConfig, type MonitoringConfig } from "../../stacks/monitoring/src/config.ts";
import type { IncusNeeds } from "./incus.ts";
import type { Listener } from "./machine.ts";

export const labStack = "lab";
/** The Incus project of the lab stack. */
export const labProject = `veza-${labStack}`;

/** Folder of this repository. */
export const repository = new URL("../../", import.meta.url);

/** @throws ConfigError that lists every mistake in Pulumi.lab.yaml */
export function labConfig(): StackConfig {
  return loadConfig(labStack, readStackFile(labStack, repository));
}

/** The second project, which watches the lab, and its Incus project. */
export const monitoringDirectory = new URL("stacks/monitoring/", repository);
export const labMonitoringProject = `veza-monitoring-${labStack}`;
export type LabMonitoring = MonitoringConfig;

/** @throws ConfigError that lists every mistake in stacks/monitoring/Pulumi.lab.yaml */
export function labMonitoring(): LabMonitoring {
  return loadMonitoringConfig(labStack, readStackFile(labStack, monitoringDirectory));
}

/** What the lab expects of Incus on this machine; undefined where all of its hosts are other machines. */
export function incusNeeds(config: StackConfig): IncusNeeds | undefined {
  if (!Object.values(config.hosts).some(({ connection }) => connection === "local")) return undefined;
  return { ...config.network, storage: config.storage };
}

/** A port of this machine that leads into the lab. */
export interface PublishedListener extends Listener {
  readonly scheme: "http" | "https";
}

/** The ports of this machine that lead into the lab, in the order of the config. */
export function publishedListeners(config: StackConfig): readonly PublishedListener[] {
  return localLoadBalancers(config)
    .flatMap(({ publish }) => publish)
    .flatMap(({ address, ...ports }) =>
      (["http", "https"] as const).flatMap((scheme) => {
        const port = ports[scheme];
        return port === undefined ? [] : [{ address, port, scheme }];
      }),
    );
}

/** The load balancers that this machine has. */
export function localLoadBalancers(
  config: StackConfig,
): readonly NonNullable<StackConfig["loadBalancer"]>["instances"][number][] {
  const [only = ""] = Object.keys(config.hosts);
  return (config.loadBalancer?.instances ?? []).filter(
    ({ host = only }) => config.hosts[host]?.connection === "local",
  );
}
