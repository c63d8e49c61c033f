import * as pulumi from "@pulumi/pulumi";
import type { LimitsConfig } from "../config/incus.ts";
import type { Artifact } from "../incus/artifact.ts";
import { Container } from "../incus/container.ts";
import { Files } from "../incus/files.ts";
import type { Site } from "../incus/site.ts";
import { artifactPath, type InstanceSpec, type StatisticsAddress } from "./model.ts";
import { instanceUnit, rolloutSeconds, secretsUnit } from "./unit.ts";

export interface InstanceArgs {
  readonly spec: InstanceSpec;
  readonly site: Site;
  readonly stats: readonly StatisticsAddress[];
  /** The artifact on the instance's host; absent when the instance downloads it itself. */
  readonly artifact?: Artifact;
  /** What has to be through a roll-out before this instance begins. */
  readonly after: readonly pulumi.Resource[];
  readonly limits?: LimitsConfig;
  /** Of its database; secret. Needed where the spec has one. */
  readonly password?: pulumi.Output<string>;
  /** What has to be done before it is rolled out. @default nothing */
  readonly needs?: readonly pulumi.Resource[];
}

/** One member of a fleet: a container, and in it everything whose change restarts the application. */
export class Instance extends pulumi.ComponentResource {
  /** Done when the instance runs its version and is healthy. */
  readonly deployed: pulumi.Resource;

  constructor(name: string, args: InstanceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:fleet:Instance", name, {}, opts);
    const { spec, site } = args;
    const container = new Container(
      `${name}-container`,
      {
        ...site,
        spec: { name: spec.name, address: spec.address, ...args.limits },
        // A new image replaces containers one after the other, as roll-outs go.
        after: args.after,
      },
      { parent: this },
    );
    const needs = args.needs ?? [];
    const secrets =
      args.password === undefined
        ? []
        : [
            new Files(
              `${name}-secrets`,
              {
                container,
                spec: args.password.apply((password) => secretsUnit(spec, password)),
                // Right before the roll-out: one that starts again by itself until then has the other role's password.
                after: [...needs, ...args.after],
              },
              { parent: this },
            ).applied,
          ];
    const files = new Files(
      `${name}-rollout`,
      {
        container,
        spec: instanceUnit(spec, args.stats),
        ...(args.artifact === undefined
          ? {}
          : { push: { artifact: args.artifact, to: artifactPath(spec.application.artifact.sha256) } }),
        limitSeconds: rolloutSeconds(spec),
        after: [...secrets, ...needs, ...args.after],
      },
      { parent: this },
    );
    this.deployed = files.applied;
    this.registerOutputs({});
  }
}
