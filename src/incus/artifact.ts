import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { readScript } from "../shell/read-script.ts";
import type { Project } from "./project.ts";

export interface ArtifactArgs {
  /** The Incus project, and with it the host, whose containers need the file. */
  readonly project: Project;
  /** File on the machine that runs the engine, absolute or relative to the project. */
  readonly path: string;
  readonly sha256: string;
}

/**
 * A file that travels to a host once, to a path named by its SHA-256, and stays there for containers that are made
 * later. Whoever uses it verifies it again; that also catches a file that changed between preview and update.
 */
export class Artifact extends pulumi.ComponentResource {
  /** Path on the host. */
  readonly path: string;
  readonly resource: pulumi.Resource;

  constructor(name: string, args: ArtifactArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Artifact", name, {}, opts);
    const { sha256 } = args;
    const { host, project } = args.project;
    this.path = `/var/lib/veza/artifacts/${project}/${name}/${sha256}`;
    const connection = host.sshConnection;
    // Into the home directory of whoever logs in, where nobody else can put something in its place.
    const upload = `veza-upload-${project}-${name}`;
    const uploaded =
      connection === undefined
        ? undefined
        : new remote.CopyToRemote(
            `${name}-copy`,
            {
              connection,
              source: new pulumi.asset.FileAsset(args.path),
              remotePath: upload,
              triggers: [sha256],
            },
            { parent: this },
          );
    this.resource = host.run(
      `${name}-install`,
      {
        parameters: {
          SOURCE: uploaded === undefined ? args.path : upload,
          MOVE: uploaded === undefined ? "no" : "yes",
          DESTINATION: this.path,
          SHA256: sha256,
        },
        script: readScript(import.meta.url, "artifact.sh"),
      },
      // Not replaced by a new version: the removal of a version that an update had failed with, later on, could
      // then hit the very version that it was taken back to.
      { limitSeconds: 300, deletes: true },
      { parent: this, deleteBeforeReplace: true, dependsOn: uploaded === undefined ? [] : [uploaded] },
    );
    this.registerOutputs({ path: this.path });
  }
}
