import * as pulumi from "@pulumi/pulumi";
import type { Artifact } from "./artifact.ts";
import type { Container } from "./container.ts";
import { filesBody, type FilesSpec } from "./files-body.ts";

export interface FilesArgs {
  readonly container: Container;
  readonly spec: FilesSpec;
  /** An artifact on the container's host, and where the follow-up needs it in the container. */
  readonly push?: { readonly artifact: Artifact; readonly to: string };
  /** Keeps the files out of logs, previews and clear state. */
  readonly secret?: boolean;
  /** What has to be done before. */
  readonly after?: readonly pulumi.Resource[];
  /** Seconds for everything, follow-up included. @default 60 */
  readonly limitSeconds?: number;
}

/**
 * Seconds that exec.sh itself may need: its waits for the host's lock (120) and the container's (120), and its
 * questions to Incus (four of at most 60). The limit around everything must be the largest, or the shell with the
 * error message is ended before it can say it.
 */
const aroundSeconds = 500;
/** Seconds for an artifact on its way into the container: a look, the transfer, the renaming. */
const pushSeconds = 430;

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
        ...(args.push === undefined ? {} : { push: { from: args.push.artifact.path, to: args.push.to } }),
        body: filesBody(args.spec, container.generation),
      },
      {
        limitSeconds: limitSeconds + aroundSeconds + (args.push === undefined ? 0 : pushSeconds),
        deletes: true,
        triggers: [container.generation],
        secret: args.secret === true,
      },
      {
        parent: this,
        dependsOn: [
          container.resource,
          ...(args.after ?? []),
          ...(args.push === undefined ? [] : [args.push.artifact.resource]),
        ],
        deletedWith: container.resource,
      },
    );
    this.registerOutputs({});
  }
}
