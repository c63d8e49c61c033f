import * as pulumi from "@pulumi/pulumi";
import type { NetworkConfig } from "../config/incus.ts";
import { databaseRouterName, type DatabaseRouterConfig, type PostgresConfig } from "../config/postgres.ts";
import { Container } from "../incus/container.ts";
import { Files } from "../incus/files.ts";
import type { Site } from "../incus/site.ts";
import { haproxyUnit, pushSeconds } from "./render.ts";
import { databaseRouterModel } from "./router-model.ts";

export interface DatabaseRouterArgs {
  readonly router: DatabaseRouterConfig;
  /** What all routers of the stack share. */
  readonly config: PostgresConfig;
  readonly network: NetworkConfig;
  readonly site: Site;
  /** What has to be done before anything of it changes: the routers before this one, so that one at a time is away. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * An HAProxy in a container of its own that leads to whichever database node takes writes. It needs no node to be there:
 * until one says that it is the primary, nobody is let through.
 */
export class DatabaseRouter extends pulumi.ComponentResource {
  /** Done when it runs its configuration. */
  readonly applied: pulumi.Resource;

  constructor(name: string, args: DatabaseRouterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:haproxy:DatabaseRouter", name, {}, opts);
    const { router, config, network, site, after } = args;
    const container = new Container(
      `${name}-container`,
      {
        ...site,
        spec: { name: databaseRouterName(router.id), address: router.address, ...router.limits },
        after,
      },
      { parent: this },
    );
    const files = new Files(
      `${name}-config`,
      {
        container,
        spec: haproxyUnit(databaseRouterModel(config, router, network)),
        limitSeconds: pushSeconds,
        after,
      },
      { parent: this },
    );
    this.applied = files.applied;
    this.registerOutputs({ address: router.address });
  }
}
