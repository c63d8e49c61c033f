import { power } from "../power.ts";
import { StackError, type DeployedStack } from "../stack.ts";
import type { DrillTarget } from "./target.ts";

/**
 * The deployed edge as a drill sees it.
 * @param url where clients come in; default: the load balancer's first address
 * @throws StackError when the stack has no load balancer, or none of its own instances behind it
 */
export function edgeTarget(stack: DeployedStack, url?: string): DrillTarget {
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
  return {
    baseUrl,
    statsUrl: `${loadBalancer.stats};csv`,
    instances: outputs.instances.map(({ name, pool }) => ({ name, pool, server: name })),
    killHard: ({ name }) => act(name, "stop"),
    start: ({ name }) => act(name, "start"),
  };
}
