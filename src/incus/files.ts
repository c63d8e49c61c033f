import * as pulumi from "@pulumi/pulumi";
import type { Artifact } from "./artifact.ts";
import type { Container } from "./container.ts";
import type { ContainerScript } from "./document.ts";
import { filesBody, type FilesSpec } from "./files-body.ts";

export interface FilesArgs {
  readonly container: Container;
  /**
   * What a preview shows whole. An output is for what only the engine can make, keys above all: it is not known on the
   * first preview, and is secret whatever `secret` says.
   */
  readonly spec: FilesSpec | pulumi.Output<FilesSpec>;
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
    const { container, spec, push } = args;
    const said = (files: FilesSpec): ContainerScript => ({
      project: container.project,
      container: container.name,
      unit: files.unit,
      limitSeconds,
      ...(push === undefined ? {} : { push: { from: push.artifact.path, to: push.to } }),
      body: filesBody(files, container.generation),
    });
    const waits = pulumi.Output.isInstance(spec);
    this.applied = container.host.exec(
      `${name}-apply`,
      waits ? spec.apply(said) : said(spec),
      {
        limitSeconds: limitSeconds + aroundSeconds + (push === undefined ? 0 : pushSeconds),
        deletes: true,
        triggers: [container.generation],
        secret: args.secret === true || waits,
      },
      {
        parent: this,
        dependsOn: [
          container.resource,
          ...(args.after ?? []),
          ...(push === undefined ? [] : [push.artifact.resource]),
        ],
        deletedWith: container.resource,
      },
    );
    this.registerOutputs({});
  }
}
