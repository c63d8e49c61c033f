import { BlockList, isIPv4 } from "node:net";
import type { Problem } from "./problem.ts";
import { yamlPath } from "./problem.ts";
import type { StackConfig } from "./stack.ts";

/** What no room can see alone: names, addresses and ports that must not meet, and references that must exist. */
export function crossChecks(config: StackConfig): Problem[] {
  return [...addresses(config), ...hostReferences(config), ...publishedPorts(config), ...poolFeeds(config)];
}

interface Placed {
  readonly name: string;
  readonly host: string | undefined;
  readonly address: string;
  readonly path: readonly PropertyKey[];
}

/** Every container the config asks for, with its place in the YAML. */
function placed(config: StackConfig): Placed[] {
  return [
    ...(config.loadBalancer?.instances ?? []).map((instance, n) => ({
      name: instance.name,
      host: instance.host,
      address: instance.address,
      path: ["loadBalancer", "instances", n],
    })),
    ...Object.entries(config.fleets).flatMap(([fleet, spec]) =>
      spec.instances.map((instance, n) => ({
        name: `${fleet}-${String(instance.id)}`,
        host: instance.host,
        address: instance.address,
        path: ["fleets", fleet, "instances", n],
      })),
    ),
  ];
}

function addresses(config: StackConfig): Problem[] {
  const problems: Problem[] = [];
  const [gateway = "", length = "0"] = config.network.gateway.split("/");
  const subnet = new BlockList();
  subnet.addSubnet(gateway, Number(length), "ipv4");
  const byAddress = new Map<string, Placed>();
  const byName = new Map<string, Placed>();
  for (const container of placed(config)) {
    const path = yamlPath([...container.path, "address"]);
    if (container.address === gateway) {
      problems.push({
        path,
        message: `${container.address} is the bridge's own address`,
        hint: "give the container another address",
      });
    } else if (isIPv4(container.address) && !subnet.check(container.address)) {
      problems.push({
        path,
        message: `${container.address} is outside the network ${config.network.gateway}`,
        hint: "take an address of veza-edge:network's subnet, or change network.gateway",
      });
    }
    const sameAddress = byAddress.get(container.address);
    if (sameAddress !== undefined) {
      problems.push({
        path,
        message: `${container.address} is also the address of ${sameAddress.name} (${yamlPath([...sameAddress.path, "address"])})`,
        hint: "every container has an address of its own",
      });
    } else byAddress.set(container.address, container);
    const sameName = byName.get(container.name);
    if (sameName !== undefined) {
      problems.push({
        path: yamlPath(container.path),
        message: `${container.name} is listed twice (also at ${yamlPath(sameName.path)})`,
        hint: "give one of them another id; ids are never reused for another instance while the first one lives",
      });
    } else byName.set(container.name, container);
  }
  return problems;
}

function hostReferences(config: StackConfig): Problem[] {
  const names = Object.keys(config.hosts);
  const known = names.join(", ");
  return placed(config).flatMap((container) => {
    const path = yamlPath([...container.path, "host"]);
    if (container.host === undefined) {
      return names.length === 1
        ? []
        : [
            {
              path,
              message: `${container.name} names no host, and there are several (${known})`,
              hint: "say on which host it lives",
            },
          ];
    }
    return names.includes(container.host)
      ? []
      : [{ path, message: `there is no host '${container.host}'`, hint: `veza-edge:hosts has: ${known}` }];
  });
}

function publishedPorts(config: StackConfig): Problem[] {
  if (config.loadBalancer === undefined || config.loadBalancer.tls !== undefined) return [];
  return config.loadBalancer.instances.flatMap((instance, n) =>
    instance.publish.flatMap((publish, m) =>
      publish.https === undefined
        ? []
        : [
            {
              path: yamlPath(["loadBalancer", "instances", n, "publish", m, "https"]),
              message: "an HTTPS port is published, but the load balancer has no tls section",
              hint: "add veza-edge:loadBalancer.tls, or leave https out",
            },
          ],
    ),
  );
}

/** A pool is fed by one fleet or by a static list, and both sides agree on how it is checked. */
function poolFeeds(config: StackConfig): Problem[] {
  const problems: Problem[] = [];
  const feeds = new Map<string, string>();
  for (const [fleet, spec] of Object.entries(config.fleets)) {
    const path = yamlPath(["fleets", fleet, "pool"]);
    const other = feeds.get(spec.pool);
    if (other === undefined) feeds.set(spec.pool, path);
    else
      problems.push({
        path,
        message: `${spec.pool} already has its servers from ${other}`,
        hint: "a pool is fed by one fleet",
      });
  }
  for (const [fleet, { pool, healthPath }] of Object.entries(config.fleets)) {
    const checked = config.loadBalancer?.healthChecks.paths[pool];
    if (checked === undefined || checked === healthPath) continue;
    problems.push({
      path: yamlPath(["fleets", fleet, "healthPath"]),
      message: `the load balancer checks ${checked} in ${pool}, and the fleet answers at ${healthPath}`,
      hint: `set loadBalancer.healthChecks.paths.${pool} to the same path`,
    });
  }
  for (const pool of ["api_pool", "stream_pool"] as const) {
    const fed = feeds.get(pool);
    const servers = config.loadBalancer?.staticServers[pool] ?? [];
    if (fed !== undefined && servers.length > 0) {
      problems.push({
        path: yamlPath(["loadBalancer", "staticServers", pool]),
        message: `${pool} already has its servers from ${fed}`,
        hint: "static servers are for pools whose fleet is not part of this stack: remove one of the two",
      });
    }
  }
  return problems;
}
