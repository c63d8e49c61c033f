import * as pulumi from "@pulumi/pulumi";
import type { LetsencryptConfig } from "../config/letsencrypt.ts";
import { Container } from "../incus/container.ts";
import { Files } from "../incus/files.ts";
import type { Site } from "../incus/site.ts";
import { pebbleTlsUnit, pebbleUnit } from "./pebble-units.ts";
import { selfSigned } from "./self-signed.ts";

export interface PebbleArgs {
  readonly config: NonNullable<LetsencryptConfig["pebble"]>;
  /** Address that every name leads to: the load balancer's, on the stack's bridge. */
  readonly edgeAddress: string;
  readonly site: Site;
}

/** An ACME CA of the stack's own with the DNS server that it asks, in one container: for labs. It forgets everything when it is restarted. */
export class Pebble extends pulumi.ComponentResource {
  /** What the CA's own listeners show; vouched for by nobody else. */
  readonly certificatePem: pulumi.Output<string>;
  /** Done when CA and DNS server answer. */
  readonly ready: pulumi.Resource;

  constructor(name: string, args: PebbleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:letsencrypt:Pebble", name, {}, opts);
    const { config, site } = args;
    const parent = { parent: this };
    const container = new Container(
      `${name}-container`,
      { ...site, spec: { name: config.name, address: config.address, ...config.limits } },
      parent,
    );
    const { certificatePem, keyPem } = selfSigned(
      { key: `${name}-key`, certificate: `${name}-certificate` },
      { subject: { commonName: config.name }, ipAddresses: [config.address] },
      parent,
    );
    this.certificatePem = certificatePem;
    const listener = new Files(
      `${name}-tls`,
      {
        container,
        spec: pulumi.all([certificatePem, keyPem]).apply(([shown, secret]) => pebbleTlsUnit(shown, secret)),
      },
      parent,
    );
    const { address, certificateSeconds } = config;
    const files = new Files(
      `${name}-files`,
      {
        container,
        spec: pebbleUnit({ address, edgeAddress: args.edgeAddress, certificateSeconds }),
        after: [listener.applied],
      },
      parent,
    );
    this.ready = files.applied;
    this.registerOutputs({});
  }
}
