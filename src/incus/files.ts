import * as pulumi from "@pulumi/pulumi";
import type { Container } from "./container.ts";
import { filesBody, type FilesSpec } from "./files-body.ts";

export interface FilesArgs {
  readonly container: Container;
  readonly spec: FilesSpec;
  /** Seconds for everything, follow-up included. @default 60 */
  readonly limitSeconds?: number;
}

/** A unit of files in a container, applied together as one step. */
export class Files extends pulumi.ComponentResource {
  /** Done when the unit is applied; what needs the files depends on it. */
  readonly applied: pulumi.Resource;

  constructor(name: string, args: FilesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Files", name, {}, opts);
    const limitSeconds = args.limitSeconds ?? 60;
    const { container } = args;
    this.applied = container.host.exec(
      `${name}-apply`,
      {
        project: container.project,
        container: container.name,
        unit: args.spec.unit,
        limitSeconds,
        body: filesBody(args.spec, container.generation),
      },
      { limitSeconds: limitSeconds + 150, deletes: true, triggers: [container.generation] },
      { parent: this, dependsOn: [container.resource], deletedWith: container.resource },
    );
    this.registerOutputs({});
  }
}
