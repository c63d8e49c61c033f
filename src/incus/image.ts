import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { readScript } from "../shell/read-script.ts";
import type { Host } from "./host.ts";

export interface ImageSpec {
  /** Debian release. */
  readonly suite: string;
  /** Debian packages beyond the base system; order does not matter. */
  readonly packages: readonly string[];
  /** Raised by hand when the image is to be built anew from today's packages. */
  readonly revision: number;
}

/** The alias names everything the image is made from, so it is known before anything is built. */
export function imageAlias(name: string, spec: ImageSpec): string {
  const text = [spec.suite, String(spec.revision), ...[...spec.packages].sort()].join("\n");
  return `veza/${name}/${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}

/** A container image built on the host that uses it, with mmdebstrap from the host's own Debian mirror. It stays when the stack goes. */
export class Image extends pulumi.ComponentResource {
  readonly alias: string;

  constructor(
    name: string,
    args: { readonly host: Host; readonly image: string; readonly spec: ImageSpec },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("veza:incus:Image", name, {}, opts);
    this.alias = imageAlias(args.image, args.spec);
    args.host.run(
      `${name}-build`,
      {
        parameters: {
          ALIAS: this.alias,
          SUITE: args.spec.suite,
          PACKAGES: [...args.spec.packages].sort().join(","),
        },
        script: readScript(import.meta.url, "image.sh"),
      },
      { limitSeconds: 1200 },
      { parent: this },
    );
    this.registerOutputs({ alias: this.alias });
  }
}
