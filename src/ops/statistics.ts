import { parseStat, type Stat } from "../haproxy/runtime.ts";
import type { EdgeOutputs } from "../outputs.ts";
import type { DeployedStack } from "./stack.ts";
import { openTunnel } from "./tunnel.ts";

const answerMs = 2_000;

/** A load balancer's read-only statistics, and the way to them, which is to be closed. */
export interface Statistics {
  /** As CSV. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens the way to a load balancer's statistics. They answer on the Incus bridge only, so its host is asked for them.
 * @throws HostError when the host cannot be reached
 */
export async function openStatistics(
  stack: DeployedStack,
  { host, address, ports }: EdgeOutputs["loadBalancers"][number],
): Promise<Statistics> {
  const tunnel = await openTunnel(stack.host(host), address, ports.stats);
  return { url: `http://${tunnel.authority}/stats;csv`, close: () => tunnel.close() };
}

/** What HAProxy's newest worker counts now. @throws when it does not answer within 2 s, or not with a table */
export async function readStatistics(url: string): Promise<readonly Stat[]> {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) });
  if (!response.ok) throw new Error(`${url} answers ${String(response.status)}`);
  const stats = parseStat(await response.text());
  if (!stats.ok) throw new Error(`${url}: ${stats.problem}`);
  return stats.value;
}
