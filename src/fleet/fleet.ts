import * as pulumi from "@pulumi/pulumi";
import type { FleetConfig } from "../config/fleet.ts";
import type { PoolName, PoolServer } from "../config/pool.ts";
import { Artifact } from "../incus/artifact.ts";
import type { Project } from "../incus/project.ts";
import type { Site } from "../incus/site.ts";
import { fileDigest } from "./file-digest.ts";
import { Instance } from "./instance.ts";
import { fleetModel, type ArtifactSpec, type DatabaseAt, type StatisticsAddress } from "./model.ts";

export interface FleetArgs {
  /** The fleet's name in the config; containers are `<fleet>-<id>`. */
  readonly fleet: string;
  readonly config: FleetConfig;
  /** Where an instance's container goes, by the host's name; undefined: the stack's only host. */
  readonly site: (host: string | undefined) => Site;
  /** Read-only statistics of the load balancers in front. */
  readonly stats: readonly StatisticsAddress[];
  /** The database that the config names. @default none */
  readonly database?: FleetDatabase;
}

/** A database, as the instances of a fleet need it. */
export interface FleetDatabase {
  readonly at: DatabaseAt;
  /** Secret. */
  readonly password: pulumi.Output<string>;
  /** What has to be done before anybody can use it. */
  readonly ready: readonly pulumi.Resource[];
}

/** One systemd-managed application, replicated over containers behind a pool. */
export class Fleet extends pulumi.ComponentResource {
  readonly pool: PoolName;
  readonly instances: readonly Instance[];
  /** Servers for the load balancers' pool; known at preview. */
  readonly servers: readonly PoolServer[];

  constructor(name: string, args: FleetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:fleet:Fleet", name, {}, opts);
    const model = fleetModel(args.fleet, args.config, fileDigest, args.database?.at);
    this.pool = args.config.pool;
    this.servers = model.servers;
    // All instances run the same artifact, so it travels once to each host that has some.
    const artifacts = new Map<string, Artifact>();
    const artifactIn = (project: Project, { sha256, from }: ArtifactSpec): Artifact | undefined => {
      if (from.kind === "url") return undefined;
      const { host } = project;
      const artifact =
        artifacts.get(host.name) ??
        new Artifact(`${name}-artifact-${host.name}`, { project, path: from.path, sha256 }, { parent: this });
      artifacts.set(host.name, artifact);
      return artifact;
    };
    const made = new Map<string, Instance>();
    for (const spec of model.instances) {
      const site = args.site(spec.host);
      const artifact = artifactIn(site.project, spec.application.artifact);
      made.set(
        spec.name,
        new Instance(
          spec.name,
          {
            spec,
            site,
            stats: args.stats,
            ...(artifact === undefined ? {} : { artifact }),
            after: spec.after.flatMap((before) => made.get(before)?.deployed ?? []),
            ...(args.config.limits === undefined ? {} : { limits: args.config.limits }),
            ...(args.database && { password: args.database.password, needs: args.database.ready }),
          },
          { parent: this },
        ),
      );
    }
    this.instances = [...made.values()];
    this.registerOutputs({ servers: this.servers });
  }
}
