import { agentPort, type ArtifactConfig, type FleetConfig } from "../config/fleet.ts";
import type { PoolName, PoolServer } from "../config/pool.ts";
import { rolloutChain } from "./rollout-chain.ts";

/** One instance of a fleet: one container that runs the fleet's application. */
export interface InstanceSpec {
  /** `<fleet>-<id>`: the container, and the server in the pool. */
  readonly name: string;
  readonly id: number;
  /** Host the container lives on; undefined: the stack's only one. */
  readonly host: string | undefined;
  readonly address: string;
  /** Names of the instances that have to be through a roll-out before this one begins. */
  readonly after: readonly string[];
  readonly application: ApplicationSpec;
  /** Absent: the application has none. */
  readonly database?: DatabaseAddress;
}

/** How an application reaches its database; the password comes by itself, as a secret. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
}

/** What all instances of a fleet run. */
export interface ApplicationSpec {
  /** The fleet's name; also the systemd unit's. */
  readonly name: string;
  readonly pool: PoolName;
  readonly port: number;
  readonly healthPath: string;
  readonly user: string;
  readonly command: readonly string[];
  readonly artifact: ArtifactSpec;
  readonly environment: Readonly<Record<string, string>>;
  readonly drainSeconds: number;
  readonly healthSeconds: number;
  readonly keepReleases: number;
}

export interface ArtifactSpec {
  readonly sha256: string;
  /** File name in the release, or of the archive that is unpacked into it. */
  readonly name: string;
  readonly from:
    { readonly kind: "path"; readonly path: string } | { readonly kind: "url"; readonly url: string };
}

/** Where an artifact that comes by path is put in a container before the roll-out. */
export function artifactPath(sha256: string): string {
  return `/var/lib/veza/artifacts/${sha256}`;
}

/** Where a load balancer shows its servers' state, read-only. */
export interface StatisticsAddress {
  readonly address: string;
  readonly port: number;
}

export interface FleetModel {
  readonly artifact: ArtifactSpec;
  /** In the order of a roll-out: by id. */
  readonly instances: readonly InstanceSpec[];
  /** Servers for the load balancers' pool, in the same order. */
  readonly servers: readonly PoolServer[];
}

/** SHA-256 of a file that the config names without one. */
export type DigestOf = (path: string) => string;

/** The database of instances on a host; undefined: the stack's only host. */
export type DatabaseAt = (host: string | undefined) => DatabaseAddress;

/** What a fleet's config means. An instance's part depends on its own entry and on what all of the fleet run, only its place in the roll-out on the others. */
export function fleetModel(
  name: string,
  config: FleetConfig,
  digestOf: DigestOf,
  databaseAt?: DatabaseAt,
): FleetModel {
  const members = config.instances
    .map(({ id, address, host }) => ({ name: `${name}-${String(id)}`, id, address, host }))
    .sort((a, b) => a.id - b.id);
  const after = rolloutChain(
    members.map((member) => member.name),
    config.maxUnavailable,
  );
  const application = applicationSpec(name, config, digestOf);
  return {
    artifact: application.artifact,
    instances: members.map((member) => ({
      ...member,
      after: after.get(member.name) ?? [],
      application,
      ...(databaseAt && { database: databaseAt(member.host) }),
    })),
    servers: members.map(({ id, name, address }) => ({ id, name, address, port: config.port, agentPort })),
  };
}

function applicationSpec(name: string, config: FleetConfig, digestOf: DigestOf): ApplicationSpec {
  return {
    name,
    pool: config.pool,
    port: config.port,
    healthPath: config.healthPath,
    user: config.user,
    command: config.command ?? [`/opt/veza/${name}/current/${name}`],
    artifact: artifactSpec(config.artifact, digestOf),
    environment: config.environment,
    drainSeconds: config.drainSeconds,
    healthSeconds: config.healthSeconds,
    keepReleases: config.keepReleases,
  };
}

function artifactSpec(artifact: ArtifactConfig, digestOf: DigestOf): ArtifactSpec {
  if ("path" in artifact) {
    const { path, name = lastPart(path) } = artifact;
    return { sha256: artifact.sha256 ?? digestOf(path), name, from: { kind: "path", path } };
  }
  const { url, sha256, name = lastPart(new URL(url).pathname) } = artifact;
  return { sha256, name, from: { kind: "url", url } };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
