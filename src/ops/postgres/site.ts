import type { ReachableHost } from "../host-shell.ts";
import { lock, type Held } from "../lock.ts";
import { StackError, type DeployedStack } from "../stack.ts";

/** A container of a stack, and the host that has it. */
export interface NodePlace {
  readonly name: string;
  /** Name of the host. */
  readonly host: string;
  readonly address: string;
}
export type RouterPlace = NodePlace;

/** Where a stack's Postgres is. */
export interface PostgresSite {
  /** Incus project, on every host. */
  readonly project: string;
  readonly nodes: readonly NodePlace[];
  readonly routers: readonly RouterPlace[];
  /** How to reach a host. */
  host(name: string): ReachableHost;
}

/** @throws StackError for a stack that has no Postgres */
export function postgresSite(stack: DeployedStack): PostgresSite {
  const { postgres, project } = stack.outputs;
  if (postgres === undefined)
    throw new StackError(`stack ${stack.name} has no Postgres: its config has no veza-edge:postgres`);
  return { project, nodes: postgres.nodes, routers: postgres.routers, host: (name) => stack.host(name) };
}

/** Every host that has a node or a router, once. */
export function hostsOf({ nodes, routers }: PostgresSite): readonly string[] {
  return [...new Set([...nodes, ...routers].map(({ host }) => host))];
}

/**
 * Keeps a second operator away from a stack's Postgres (see `lock`).
 * @param verb what it is for
 */
export async function lockPostgres(site: PostgresSite, verb: string): Promise<Held> {
  return lock(
    { part: "postgres", project: site.project, hosts: hostsOf(site), host: (name) => site.host(name) },
    verb,
  );
}

/** @throws StackError that lists the nodes there are */
export function nodeNamed(site: PostgresSite, name: string): NodePlace {
  const found = site.nodes.find((node) => node.name === name);
  if (found !== undefined) return found;
  throw new StackError(
    `there is no node ${name}; there are: ${site.nodes.map((node) => node.name).join(", ")}`,
  );
}

/** The other one of the two. */
export function peerOf(site: PostgresSite, { name }: NodePlace): NodePlace {
  const found = site.nodes.find((node) => node.name !== name);
  if (found === undefined) throw new StackError(`${name} has no second node beside it`);
  return found;
}
