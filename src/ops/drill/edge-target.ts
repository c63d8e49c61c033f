import { power } from "../power.ts";
import { StackError, type DeployedStack } from "../stack.ts";
import { openStatistics } from "../statistics.ts";
import type { DrillTarget } from "./target.ts";

/** How clients reach the edge. */
export interface EntryPoint {
  /** Without a path. @default the load balancer's first URL */
  readonly url?: string | undefined;
  /** The CA to believe (PEM), where the edge has a certificate of another than a public one. */
  readonly ca?: string | undefined;
}

/** A deployed edge as a drill sees it, and the way to its statistics, which is to be closed. */
export interface EdgeTarget extends DrillTarget {
  close(): Promise<void>;
}

/**
 * The deployed edge as a drill sees it.
 * @throws StackError when the stack has no load balancer, or none of its own instances behind it
 * @throws HostError when the load balancer's host cannot be reached
 */
export async function edgeTarget(stack: DeployedStack, { url, ca }: EntryPoint = {}): Promise<EdgeTarget> {
  const { outputs } = stack;
  const [loadBalancer] = outputs.loadBalancers;
  const baseUrl = url ?? loadBalancer?.urls[0];
  if (loadBalancer === undefined || baseUrl === undefined)
    throw new StackError(`stack ${stack.name} has no load balancer to drill`);
  if (outputs.instances.length === 0)
    throw new StackError(`stack ${stack.name} has no instances of its own to drill`);
  const act = async (name: string, action: "stop" | "start"): Promise<void> => {
    const instance = outputs.instances.find((one) => one.name === name);
    if (instance === undefined) throw new StackError(`stack ${stack.name} has no instance '${name}'`);
    await power(stack.host(instance.host), outputs.project, name, action);
  };
  const statistics = await openStatistics(stack, loadBalancer);
  return {
    baseUrl,
    ...(ca === undefined ? {} : { tls: { ca } }),
    statsUrl: statistics.url,
    close: () => statistics.close(),
    instances: outputs.instances.map(({ name, pool }) => ({ name, pool, server: name })),
    killHard: ({ name }) => act(name, "stop"),
    start: ({ name }) => act(name, "start"),
  };
}
