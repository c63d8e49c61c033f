import type { ReachableHost } from "../host-shell.ts";
import type { DeployedStack } from "../stack.ts";

/** A container of a stack, and the host that has it. */
export interface Place {
  readonly name: string;
  /** Name of the host. */
  readonly host: string;
}

export interface ServicePlace extends Place {
  /** The application's systemd service in it. */
  readonly service: string;
  /** What load balancers know it by, `POOL/NAME`. */
  readonly server: string;
}

/** What a maintenance is about: where a stack's load balancers and applications are. */
export interface MaintenanceSite {
  readonly stack: string;
  /** Incus project, on every host. */
  readonly project: string;
  readonly loadBalancers: readonly Place[];
  readonly services: readonly ServicePlace[];
  /** How to reach a host. */
  host(name: string): ReachableHost;
}

export function maintenanceSite({
  name,
  outputs,
  host,
}: Pick<DeployedStack, "name" | "outputs" | "host">): MaintenanceSite {
  return {
    stack: name,
    project: outputs.project,
    loadBalancers: outputs.loadBalancers.map((one) => ({ name: one.name, host: one.host })),
    services: outputs.instances.map((one) => ({
      name: one.name,
      host: one.host,
      service: one.fleet,
      server: `${one.pool}/${one.name}`,
    })),
    host,
  };
}

/** Every host that has one of them, once. */
export function hostsOf(site: MaintenanceSite): readonly string[] {
  return [...new Set([...site.loadBalancers, ...site.services].map(({ host }) => host))];
}
