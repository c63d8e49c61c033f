import * as pulumi from "@pulumi/pulumi";
import { readScript } from "../shell/read-script.ts";
import type { Host } from "./host.ts";

export interface NetworkSpec {
  /** Name of the host's Incus bridge. */
  readonly bridge: string;
  /** The bridge's own address with its prefix length, e.g. `10.77.0.1/24`. */
  readonly gateway: string;
}

export interface ProjectArgs {
  readonly host: Host;
  /** Incus project, `veza-<stack>`. */
  readonly project: string;
  readonly network: NetworkSpec;
  /** Incus storage pool for root disks and volumes. */
  readonly storage: string;
  /** Whether no host has anything of the stack yet: nobody is served, so its containers are made all at once. @default false */
  readonly isNew?: boolean;
}

/** A stack's own Incus project on one host. Networks and images are shared with the host's other projects. */
export class Project extends pulumi.ComponentResource {
  readonly host: Host;
  readonly project: string;
  readonly network: NetworkSpec;
  readonly storage: string;
  readonly isNew: boolean;

  constructor(name: string, args: ProjectArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Project", name, {}, opts);
    ({ host: this.host, project: this.project, network: this.network, storage: this.storage } = args);
    this.isNew = args.isNew ?? false;
    args.host.run(
      `${name}-create`,
      {
        parameters: {
          PROJECT: args.project,
          NETWORK: args.network.bridge,
          GATEWAY: args.network.gateway,
          STORAGE: args.storage,
        },
        script: readScript(import.meta.url, "project.sh"),
      },
      { limitSeconds: 120, deletes: true },
      { parent: this },
    );
    this.registerOutputs({ project: this.project });
  }
}
