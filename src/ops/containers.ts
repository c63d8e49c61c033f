import type { EdgeOutputs } from "../outputs.ts";
import { look } from "./converge/look.ts";
import { StackError, type DeployedStack } from "./stack.ts";

/** A container of a stack, and the host that it is on. */
export interface ContainerPlace {
  readonly name: string;
  /** Name of the host. */
  readonly host: string;
  /** Empty where the stack's outputs do not tell it. */
  readonly address: string;
  /** The systemd units that do what the container is for. */
  readonly units: readonly string[];
}

/** The containers that a stack's outputs name. */
export function containersOf({ loadBalancers, instances, postgres }: EdgeOutputs): readonly ContainerPlace[] {
  const place = (
    { name, host, address }: Omit<ContainerPlace, "units">,
    ...units: readonly string[]
  ): ContainerPlace => ({ name, host, address, units });
  return [
    ...loadBalancers.map((balancer) =>
      balancer.certificateMetrics === undefined
        ? place(balancer, "haproxy")
        : place(balancer, "haproxy", "veza-certificates"),
    ),
    ...instances.map((instance) => place(instance, instance.fleet)),
    ...(postgres?.nodes ?? []).map((node) => place(node, "veza-postgres", "veza-pgbouncer", "pg-health")),
    ...(postgres?.routers ?? []).map((router) => place(router, "haproxy")),
  ];
}

/**
 * The container of that name; one that the outputs do not name is looked for on the hosts.
 * @throws StackError that lists the containers there are
 * @throws HostError when a host cannot be asked for one that the outputs do not name
 */
export async function containerNamed(stack: DeployedStack, name: string): Promise<ContainerPlace> {
  const named = containersOf(stack.outputs);
  const found = named.find((container) => container.name === name);
  if (found !== undefined) return found;
  const others = await Promise.all(Object.keys(stack.outputs.hosts).map((host) => othersOn(stack, host)));
  const all = [...named, ...others.flat()];
  const other = all.find((container) => container.name === name);
  if (other !== undefined) return other;
  const names = [...new Set(all.map((container) => container.name))].join(", ");
  throw new StackError(`stack ${stack.name} has no container ${name}; there are: ${names}`);
}

async function othersOn(stack: DeployedStack, host: string): Promise<readonly ContainerPlace[]> {
  const site = { host: stack.host(host), project: stack.outputs.project, recorded: [] };
  return (await look(site)).containers.map(({ name }) => ({ name, host, address: "", units: [] }));
}
