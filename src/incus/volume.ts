import * as pulumi from "@pulumi/pulumi";
import { readScript } from "../shell/read-script.ts";
import { generationOf } from "./host.ts";
import type { Project } from "./project.ts";

export interface VolumeArgs {
  /** The stack's Incus project; the volume lies in its storage pool. */
  readonly project: Project;
  /** Name of the volume, unique in the project. */
  readonly volume: string;
  /**
   * What the end of the resource does with the volume: `true` leaves it where it is, with all that is in it, for a stack
   * that wants it again; `false` removes it.
   */
  readonly keep: boolean;
  /** Size in GiB. @default as large as the pool */
  readonly sizeGiB?: number | undefined;
}

/**
 * A place for files that outlive containers. One of that name that this program made is used as it is, so a stack whose
 * state was lost finds its data again. Another pool or host is another, empty volume: data moves by hand (docs/incus.md).
 */
export class Volume extends pulumi.ComponentResource {
  readonly volume: string;
  /** The storage pool it lies in. */
  readonly storage: string;

  constructor(name: string, args: VolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Volume", name, {}, opts);
    const { host, project, storage } = args.project;
    this.volume = args.volume;
    this.storage = storage;
    host.run(
      `${name}-create`,
      {
        parameters: {
          PROJECT: project,
          VOLUME: args.volume,
          STORAGE: storage,
          KEEP: args.keep ? "keep" : "remove",
          SIZE: args.sizeGiB === undefined ? "" : `${String(args.sizeGiB)}GiB`,
        },
        script: readScript(import.meta.url, "volume.sh"),
      },
      {
        limitSeconds: 240,
        deletes: true,
        triggers: [generationOf({ host: host.name, project, storage, volume: args.volume })],
      },
      { parent: this, dependsOn: [args.project] },
    );
    this.registerOutputs({ volume: this.volume });
  }
}
