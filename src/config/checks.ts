import { BlockList, isIPv4 } from "node:net";
import { certificateChecks } from "./certificate-checks.ts";
import { databaseChecks } from "./database-checks.ts";
import { apart, located, placed, type Placed } from "./placed.ts";
import { poolNames } from "./pool.ts";
import type { Problem } from "./problem.ts";
import { yamlPath } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

/** What no room can see alone: names, addresses and ports that must not meet, and references that must exist. */
export function crossChecks(config: Sketch): Problem[] {
  const containers = placed(config);
  return [
    ...inNetwork(containers, config.network?.gateway),
    ...repeatedAddresses(containers),
    ...repeatedNames(containers),
    ...repeatedHosts(config),
    ...hostReferences(containers, Object.keys(config.hosts)),
    ...poolsOnOtherHosts(config),
    ...publishedPorts(config),
    ...certificateChecks(config),
    ...databaseChecks(config),
    ...poolFeeds(config),
  ];
}

function inNetwork(containers: readonly Placed[], network: string | undefined): Problem[] {
  if (network === undefined) return [];
  const [gateway = "", length = "0"] = network.split("/");
  const subnet = new BlockList();
  subnet.addSubnet(gateway, Number(length), "ipv4");
  return containers.flatMap(({ address, path }) => {
    const at = yamlPath([...path, "address"]);
    if (address === undefined || !isIPv4(address)) return [];
    if (address === gateway) {
      return [
        {
          path: at,
          message: `${address} is the bridge's own address`,
          hint: "give the container another address",
        },
      ];
    }
    if (subnet.check(address)) {
      const place = placeIn(network, address);
      if (place !== "first" && place !== "last") return [];
      return [
        {
          path: at,
          message: `${address} is the ${place} address of ${network}, which names the ${place === "first" ? "network itself" : "broadcast"}`,
          hint: "give the container an address between the two",
        },
      ];
    }
    return [
      {
        path: at,
        message: `${address} is outside the network ${network}`,
        hint: "take an address of veza-edge:network's subnet, or change network.gateway",
      },
    ];
  });
}

/** Whether an address of a network is its first, its last, or one that a machine can have. */
function placeIn(network: string, address: string): "first" | "last" | "between" {
  const length = Number(network.split("/")[1]);
  const number = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - length);
  if (number % size === 0) return "first";
  return number % size === size - 1 ? "last" : "between";
}

function repeatedAddresses(containers: readonly Placed[]): Problem[] {
  return repeated(containers, ({ address }) => address).map(([again, first]) => ({
    path: yamlPath([...again.path, "address"]),
    message: `${again.address ?? ""} is also the address of ${first.name} (${yamlPath([...first.path, "address"])})`,
    hint: "every container has an address of its own",
  }));
}

function repeatedNames(containers: readonly Placed[]): Problem[] {
  return repeated(containers, ({ name }) => name || undefined).map(([again, first]) => ({
    path: yamlPath(again.path),
    message: `${again.name} is listed twice (also at ${yamlPath(first.path)})`,
    hint:
      again.path[0] === "fleets"
        ? "give one of them another id; ids are never reused for another instance while the first one lives"
        : "give one of them another name",
  }));
}

/** Every machine is listed once: what is said to it is told by these from what is said to the others. */
function repeatedHosts({ hosts }: Sketch): Problem[] {
  const entries = Object.entries(hosts).map(([name, host]) => ({ name, ...host }));
  const overSsh = entries.filter(({ connection }) => connection === "ssh");
  return [
    ...repeated(entries, ({ connection }) => (connection === "local" ? "local" : undefined)).map(
      ([again, first]) => ({
        path: yamlPath(["hosts", again.name]),
        message: `this machine is '${first.name}' already`,
        hint: "list it once",
      }),
    ),
    ...repeated(overSsh, ({ address, port }) => address && `${address}:${String(port)}`).map(
      ([again, first]) => ({
        path: yamlPath(["hosts", again.name, "address"]),
        message: `${again.address ?? ""}, port ${String(again.port)}, is '${first.name}' already`,
        hint: "list a machine once",
      }),
    ),
    ...repeated(overSsh, ({ hostKey }) => hostKey).map(([again, first]) => ({
      path: yamlPath(["hosts", again.name, "hostKey"]),
      message: `is the host key of '${first.name}' too`,
      hint: "a machine that was cloned needs keys of its own: rm /etc/ssh/ssh_host_*; dpkg-reconfigure openssh-server",
    })),
  ];
}

function hostReferences(containers: readonly Placed[], hosts: readonly string[]): Problem[] {
  const known = hosts.join(", ");
  // Without any, the list itself is the mistake.
  if (hosts.length === 0) return [];
  return containers.flatMap(({ name, host, path }) => {
    const at = yamlPath([...path, "host"]);
    if (host === undefined) {
      if (hosts.length === 1) return [];
      const message = `${name} names no host, and there are several (${known})`;
      return [{ path: at, message, hint: "say on which host it lives" }];
    }
    if (hosts.includes(host)) return [];
    return [{ path: at, message: `there is no host '${host}'`, hint: `veza-edge:hosts has: ${known}` }];
  });
}

function poolsOnOtherHosts(config: Sketch): Problem[] {
  const containers = located(config);
  const loadBalancers = containers.filter(({ path }) => path[0] === "loadBalancer");
  const behind = containers.filter(({ path }) => path[0] !== "loadBalancer" && path[0] !== "postgres");
  return apart(behind, loadBalancers, "place load balancers and what they talk to on one host");
}

interface Listener {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly path: readonly PropertyKey[];
}

function publishedPorts(config: Sketch): Problem[] {
  const [only = ""] = Object.keys(config.hosts);
  const listeners = (config.loadBalancer?.instances ?? []).flatMap(({ host = only, publish }, n) =>
    publish.flatMap(({ address, ...ports }, m) =>
      (["http", "https"] as const).flatMap((key): Listener[] => {
        const port = ports[key];
        const path = ["loadBalancer", "instances", n, "publish", m, key];
        return port === undefined ? [] : [{ host, address, port, path }];
      }),
    ),
  );
  const withoutTls = listeners.filter(({ path }) => path.at(-1) === "https");
  return [
    ...(config.loadBalancer?.tls === undefined && config.letsencrypt === undefined ? withoutTls : []).map(
      ({ path }) => ({
        path: yamlPath(path),
        message: "an HTTPS port is published, but nothing brings a certificate",
        hint: "add veza-edge:letsencrypt or veza-edge:loadBalancer.tls, or leave https out",
      }),
    ),
    ...listeners.flatMap((again, index) => {
      const first = listeners.slice(0, index).find((other) => meet(other, again));
      if (first === undefined) return [];
      return [
        {
          path: yamlPath(again.path),
          message: `${again.address}:${String(again.port)} is published already (${yamlPath(first.path)})`,
          hint: "a port of the host leads to one place: take another port or address",
        },
      ];
    }),
  ];
}

/** Whether two listeners of a host cannot both be there: 0.0.0.0 is every address. */
function meet(one: Listener, other: Listener): boolean {
  const everywhere = [one, other].some(({ address }) => address === "0.0.0.0");
  return one.host === other.host && one.port === other.port && (everywhere || one.address === other.address);
}

/** A pool is fed by one fleet or by a static list, and both sides agree on how it is checked. */
function poolFeeds(config: Sketch): Problem[] {
  const fleets = Object.entries(config.fleets);
  const feeding = fleets.map(([fleet, { pool }]) => ({ pool, path: yamlPath(["fleets", fleet, "pool"]) }));
  const paths = config.loadBalancer?.healthChecks?.paths;
  return [
    ...repeated(feeding, ({ pool }) => pool).map(([again, first]) => ({
      path: again.path,
      message: `${again.pool ?? ""} already has its servers from ${first.path}`,
      hint: "a pool is fed by one fleet",
    })),
    ...fleets.flatMap(([fleet, { pool, healthPath }]) => {
      const checked = pool === undefined ? undefined : paths?.[pool];
      if (pool === undefined || checked === undefined || healthPath === undefined || checked === healthPath)
        return [];
      return [
        {
          path: yamlPath(["fleets", fleet, "healthPath"]),
          message: `the load balancer checks ${checked} in ${pool}, and the fleet answers at ${healthPath}`,
          hint: `set loadBalancer.healthChecks.paths.${pool} to the same path`,
        },
      ];
    }),
    ...poolNames.flatMap((pool) => {
      const fed = feeding.find((fleet) => fleet.pool === pool);
      const servers = config.loadBalancer?.staticServers?.[pool] ?? [];
      if (fed === undefined || servers.length === 0) return [];
      return [
        {
          path: yamlPath(["loadBalancer", "staticServers", pool]),
          message: `${pool} already has its servers from ${fed.path}`,
          hint: "static servers are for pools whose fleet is not part of this stack: remove one of the two",
        },
      ];
    }),
  ];
}

/** Items whose key occurred before, each with the first that has it; items without a key meet nobody. */
function repeated<T>(items: readonly T[], keyOf: (item: T) => string | undefined): [again: T, first: T][] {
  const firsts = new Map<string, T>();
  return items.flatMap((item): [T, T][] => {
    const key = keyOf(item);
    if (key === undefined) return [];
    const first = firsts.get(key);
    if (first !== undefined) return [[item, first]];
    firsts.set(key, item);
    return [];
  });
}
