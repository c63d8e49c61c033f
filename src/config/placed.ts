import { databaseRouterName, postgresNodeName } from "./postgres.ts";
import { yamlPath, type Problem } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

/** A container that the config asks for. */
export interface Placed {
  readonly name: string;
  /** Undefined: the stack's only one. */
  readonly host: string | undefined;
  readonly address: string | undefined;
  /** Its place in the YAML. */
  readonly path: readonly PropertyKey[];
}

/** Every container that the config asks for. */
export function placed(config: Sketch): Placed[] {
  return [
    ...(config.loadBalancer?.instances ?? []).map((instance, n) => ({
      name: instance.name,
      host: instance.host,
      address: instance.address,
      path: ["loadBalancer", "instances", n],
    })),
    ...[config.letsencrypt?.pebble ?? []].flat().map(({ name, address, host }) => ({
      name,
      host,
      address,
      path: ["letsencrypt", "pebble"],
    })),
    ...(["nodes", "routers"] as const).flatMap((kind) =>
      (config.postgres?.[kind] ?? []).map(({ id, address, host }, n) => ({
        name: id === undefined ? "" : kind === "nodes" ? postgresNodeName(id) : databaseRouterName(id),
        host,
        address,
        path: ["postgres", kind, n],
      })),
    ),
    ...Object.entries(config.fleets).flatMap(([fleet, spec]) =>
      spec.instances.map((instance, n) => ({
        name: instance.id === undefined ? "" : `${fleet}-${String(instance.id)}`,
        host: instance.host,
        address: instance.address,
        path: ["fleets", fleet, "instances", n],
      })),
    ),
  ];
}

/** A container on a host that there is. */
export type Located = Placed & { readonly host: string };

/** Those of which it is known on which host they are; a host that is missing is a mistake of its own. */
export function located(config: Sketch): Located[] {
  const names = Object.keys(config.hosts);
  const [only] = names.length === 1 ? names : [];
  return placed(config).flatMap(({ host = only, ...rest }) =>
    host !== undefined && names.includes(host) ? [{ host, ...rest }] : [],
  );
}

/**
 * Containers that have to talk to others, and cannot: bridges of two hosts have nothing in common but their addresses.
 * @param hint where they should be
 */
export function apart(containers: readonly Located[], others: readonly Located[], hint: string): Problem[] {
  return containers.flatMap(({ name, host, path }) => {
    const elsewhere = others.find((other) => other.host !== host);
    if (elsewhere === undefined) return [];
    const message = `${name} on ${host} and ${elsewhere.name} on ${elsewhere.host} cannot reach each other: there is no network between the bridges of two hosts yet`;
    return [{ path: yamlPath([...path, "host"]), message, hint }];
  });
}
