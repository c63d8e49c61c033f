import { serverStatus, type AdminState, type Stat } from "../../haproxy/runtime.ts";
import type { EdgeOutputs } from "../../outputs.ts";
import { runProgram } from "../container-program.ts";
import { StackError, type DeployedStack } from "../stack.ts";
import { openStatistics, readStatistics } from "../statistics.ts";

type LoadBalancer = EdgeOutputs["loadBalancers"][number];

/** A server of a pool, by the names in haproxy.cfg. */
export interface PoolServerName {
  readonly pool: string;
  readonly server: string;
}

/** Seconds that a load balancer may need: it waits 30 for a reload that goes on, and answers within 5. */
const setSeconds = 60;

/**
 * The server that a person means.
 * @param said `SERVER`, or `POOL/SERVER` where several pools have one of that name
 * @throws StackError that lists the servers there are, when it is not one of them
 */
export function serverNamed(pools: EdgeOutputs["pools"], said: string): PoolServerName {
  const all = Object.entries(pools).flatMap(([pool, servers]) =>
    servers.map(({ name }) => ({ pool, server: name })),
  );
  const meant = all.filter(({ pool, server }) => said === server || said === `${pool}/${server}`);
  const [found, another] = meant;
  if (found !== undefined && another === undefined) return found;
  const list = (another === undefined ? all : meant).map(label).join(", ");
  throw new StackError(
    another === undefined
      ? `there is no server ${said}; there are: ${list}`
      : `several pools have a server ${said}; say which one: ${list}`,
  );
}

export function label({ pool, server }: PoolServerName): string {
  return `${pool}/${server}`;
}

/**
 * Why a server must not be drained: a load balancer that knows no other one which takes requests.
 * @param statistics of each load balancer, by its name
 */
export function lastOne(
  wanted: PoolServerName,
  statistics: ReadonlyMap<string, readonly Stat[]>,
): string | undefined {
  for (const [balancer, stats] of statistics) {
    const servers = stats.filter(({ proxy, kind }) => proxy === wanted.pool && kind === "server");
    const takes = (stat: Stat): boolean => serverStatus(stat) === "up";
    if (servers.some((stat) => stat.name !== wanted.server && takes(stat))) continue;
    const others = servers.filter(({ name }) => name !== wanted.server);
    const seen = others.map(({ name, status }) => `${name} ${status}`).join(", ") || "none";
    return `${balancer} has no other server in ${wanted.pool} that takes requests (${seen}), so without ${wanted.server} nobody would be served. Nothing was changed; --force drains it all the same`;
  }
  return undefined;
}

/** What every load balancer counts now, by its name. @throws when one does not answer: nothing is decided half blind */
export async function statisticsOfAll(stack: DeployedStack): Promise<ReadonlyMap<string, readonly Stat[]>> {
  return new Map(
    await Promise.all(
      balancersOf(stack).map(async (balancer) => {
        try {
          return [balancer.name, await statisticsOf(stack, balancer)] as const;
        } catch (error) {
          throw new StackError(
            `${balancer.name} does not tell its servers: ${messageOf(error)}\nNothing was changed; --force drains it in the load balancers that answer`,
          );
        }
      }),
    ),
  );
}

async function statisticsOf(stack: DeployedStack, balancer: LoadBalancer): Promise<readonly Stat[]> {
  const statistics = await openStatistics(stack, balancer);
  try {
    return await readStatistics(statistics.url);
  } finally {
    await statistics.close();
  }
}

/**
 * Has every load balancer set a server, and keep that over its next reloads and starts.
 * @throws StackError that says of each one whether it did, when one did not
 */
export async function setServer(
  stack: DeployedStack,
  server: PoolServerName,
  state: AdminState,
): Promise<void> {
  const balancers = balancersOf(stack);
  const ended = await Promise.allSettled(balancers.map((one) => setIn(stack, one, server, state)));
  const failed = ended.flatMap((one, index) =>
    one.status === "rejected" ? [`${balancers[index]?.name ?? ""}: ${messageOf(one.reason)}`] : [],
  );
  if (failed.length === 0) return;
  const did = balancers.filter((_, index) => ended[index]?.status === "fulfilled").map(({ name }) => name);
  throw new StackError(
    [
      ...failed,
      did.length === 0
        ? "State now: no load balancer was changed"
        : `State now: ${label(server)} is in ${state} in ${did.join(", ")} only. Run the same again when the others answer`,
    ].join("\n"),
  );
}

async function setIn(
  stack: DeployedStack,
  { name, host }: LoadBalancer,
  server: PoolServerName,
  state: AdminState,
): Promise<void> {
  const site = { host: stack.host(host), project: stack.outputs.project, container: name };
  const said = await runProgram(site, "haproxy-control", ["set-server", label(server), state], setSeconds);
  if (said.exitCode === 0) return;
  // An older one answers with how it is used.
  const why =
    said.exitCode === 2 ? "its haproxy-control cannot do that yet: bin/pulumi up brings it" : said.text;
  throw new StackError(why || `haproxy-control ended with ${String(said.exitCode)}`);
}

/** @throws StackError for a stack without any */
function balancersOf({ name, outputs }: DeployedStack): readonly LoadBalancer[] {
  if (outputs.loadBalancers.length === 0) throw new StackError(`stack ${name} has no load balancer`);
  return outputs.loadBalancers;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
