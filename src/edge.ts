import * as pulumi from "@pulumi/pulumi";
import { certificateMetricsPort } from "./config/certificates.ts";
import { staticServerName, type LoadBalancerConfig } from "./config/load-balancer.ts";
import type { StackConfig } from "./config/stack.ts";
import type { Pools } from "./config/pool.ts";
import { edgeDatabase, type SiteOf } from "./edge-database.ts";
import { edgeOutputs } from "./edge-outputs.ts";
import { Fleet } from "./fleet/fleet.ts";
import { LoadBalancer, type LoadBalancerArgs } from "./haproxy/load-balancer.ts";
import { Host } from "./incus/host.ts";
import { Image } from "./incus/image.ts";
import { Project } from "./incus/project.ts";
import { Volume } from "./incus/volume.ts";
import { certificateVolume } from "./letsencrypt/unit.ts";
import { issuance, Letsencrypt } from "./letsencrypt/letsencrypt.ts";
import { Pebble } from "./letsencrypt/pebble.ts";
import type { EdgeOutputs } from "./outputs.ts";

export interface EdgeArgs {
  readonly config: StackConfig;
  /** Name of the stack; the Incus project on every host is `veza-<stack>`. */
  readonly stack: string;
  readonly secrets: EdgeSecrets;
  /** Whether no host has anything of the stack yet. @default false */
  readonly isNew?: boolean;
}

/** What the stack keeps secret; absent where the config does not need it. */
export interface EdgeSecrets {
  /** For hosts reached over SSH; without it the agent of whoever runs `pulumi` is asked. */
  readonly sshPrivateKey?: pulumi.Output<string>;
}

/** Everything that one stack deploys. */
export class Edge extends pulumi.ComponentResource {
  readonly fleets: readonly Fleet[];
  readonly loadBalancers: readonly LoadBalancer[];
  /** The stack's output `edge`; known at preview. */
  readonly outputs: EdgeOutputs;
  /** The stack's output `databasePassword`, of the login in `outputs.database`; secret. Absent without a database. */
  readonly databasePassword?: pulumi.Output<string>;

  constructor(name: string, args: EdgeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:edge:Edge", name, {}, opts);
    const { config } = args;
    const site = this.sites(args);
    const stats = (config.loadBalancer?.instances ?? []).map((lb) => ({
      address: lb.address,
      port: config.loadBalancer?.ports.stats ?? 0,
    }));
    const database = config.postgres && edgeDatabase(config.postgres, config, site, { parent: this });
    if (database !== undefined) this.databasePassword = database.password;
    this.fleets = Object.entries(config.fleets).map(
      ([fleet, spec]) =>
        new Fleet(
          fleet,
          {
            fleet,
            config: spec,
            site: (host) => site(host, "app"),
            stats,
            ...(database && spec.database !== undefined && { database: database.forFleet(spec.database) }),
          },
          { parent: this },
        ),
    );
    const pools = this.pools(config);
    const deployed = this.fleets.flatMap((fleet) => fleet.instances.map((instance) => instance.deployed));
    const made: LoadBalancer[] = [];
    for (const instance of config.loadBalancer?.instances ?? []) {
      const after = [...deployed, ...made.map((before) => before.applied)];
      made.push(this.loadBalancer(config, instance, pools, site, after));
    }
    this.loadBalancers = made;
    this.outputs = edgeOutputs(args.stack, config, pools);
    this.registerOutputs({ outputs: this.outputs });
  }

  /** A load balancer, and with it what has certificates issued for it. */
  private loadBalancer(
    config: StackConfig,
    instance: LoadBalancerConfig["instances"][number],
    pools: Pools,
    site: SiteOf,
    after: readonly pulumi.Resource[],
  ): LoadBalancer {
    const { loadBalancer, letsencrypt, network, volumes } = config;
    if (loadBalancer === undefined) throw new Error("an instance of a load balancer without its config");
    const where = site(instance.host, "haproxy");
    const parent = { parent: this };
    const common: LoadBalancerArgs = { instance, config: loadBalancer, pools, network, site: where, after };
    if (letsencrypt === undefined) return new LoadBalancer(instance.name, common, parent);
    const { certificates, challenge, pebble } = letsencrypt;
    const authority =
      pebble === undefined
        ? undefined
        : new Pebble(
            "pebble",
            { config: pebble, edgeAddress: instance.address, site: site(pebble.host, "pebble") },
            parent,
          );
    const caCertificate = letsencrypt.caCertificate ?? authority?.certificatePem;
    const volume = new Volume(
      `${instance.name}-acme`,
      { project: where.project, volume: `${instance.name}-acme`, keep: volumes === "keep" },
      parent,
    );
    const balancer = new LoadBalancer(
      instance.name,
      {
        ...common,
        volumes: [{ volume, path: certificateVolume }],
        certificates: {
          kind: "issued",
          primaryNames: certificates.flatMap(({ names }) => names[0] ?? []),
          challenge,
          metricsPort: certificateMetricsPort,
        },
        prepare: (container) =>
          new Letsencrypt(
            "letsencrypt",
            { config: letsencrypt, container, ...(caCertificate === undefined ? {} : { caCertificate }) },
            parent,
          ).prepared,
      },
      parent,
    );
    issuance(
      "letsencrypt-issue",
      {
        config: letsencrypt,
        container: balancer.container,
        after: [balancer.applied, ...(authority === undefined ? [] : [authority.ready])],
      },
      parent,
    );
    return balancer;
  }

  /** The Incus project and image of each host, made once and only where something is placed. */
  private sites({ config, stack, secrets, isNew = false }: EdgeArgs): SiteOf {
    const [only = ""] = Object.keys(config.hosts);
    const projects = new Map<string, Project>();
    const images = new Map<string, Image>();
    return (wanted, image) => {
      const name = wanted ?? only;
      const connection = config.hosts[name];
      if (connection === undefined) throw new Error(`there is no host '${name}' in veza-edge:hosts`);
      const project =
        projects.get(name) ??
        new Project(
          `${name}-project`,
          {
            host: new Host(name, connection, secrets.sshPrivateKey),
            project: `veza-${stack}`,
            network: config.network,
            storage: config.storage,
            isNew,
          },
          { parent: this },
        );
      projects.set(name, project);
      const key = `${name}-image-${image}`;
      const made =
        images.get(key) ??
        new Image(key, { host: project.host, image, spec: config.images[image] }, { parent: this });
      images.set(key, made);
      return { project, image: made };
    };
  }

  /** Servers of each pool: its fleet's, else the static ones. */
  private pools(config: StackConfig): Pools {
    const servers = (pool: keyof Pools): Pools[keyof Pools] => {
      const fleet = this.fleets.find((f) => f.pool === pool);
      const fixed = config.loadBalancer?.staticServers[pool] ?? [];
      return fleet?.servers ?? fixed.map((server) => ({ ...server, name: staticServerName(server) }));
    };
    return { api_pool: servers("api_pool"), stream_pool: servers("stream_pool") };
  }
}
