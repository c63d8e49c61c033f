import { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { readScript } from "../shell/read-script.ts";
import type { Host } from "./host.ts";

export interface ArtifactArgs {
  readonly host: Host;
  /** File on the machine that runs the engine, absolute or relative to the project. */
  readonly path: string;
  readonly sha256: string;
}

/**
 * A file that travels to a host once, to a path named by its SHA-256. Whoever uses it verifies it again where it is
 * used; that also catches a file that changed between preview and update.
 */
export class Artifact extends pulumi.ComponentResource {
  /** Path on the host; a directory that whoever logs in there may write to. */
  readonly path: string;
  readonly resource: pulumi.Resource;

  constructor(name: string, args: ArtifactArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Artifact", name, {}, opts);
    this.path = `/var/tmp/veza-artifacts/${args.sha256}`;
    const connection = args.host.sshConnection;
    this.resource =
      connection === undefined
        ? args.host.run(
            `${name}-copy`,
            {
              parameters: { SOURCE: args.path, DESTINATION: this.path, SHA256: args.sha256 },
              script: readScript(import.meta.url, "artifact.sh"),
            },
            { limitSeconds: 300, deletes: true },
            { parent: this },
          )
        : new remote.CopyToRemote(
            `${name}-copy`,
            {
              connection,
              source: new pulumi.asset.FileAsset(args.path),
              remotePath: this.path,
              triggers: [args.sha256],
            },
            { parent: this },
          );
    this.registerOutputs({ path: this.path });
  }
}
