import * as pulumi from "@pulumi/pulumi";
import { authority, type LetsencryptConfig } from "../config/letsencrypt.ts";
import type { Container } from "../incus/container.ts";
import { Exec } from "../incus/exec.ts";
import { Files } from "../incus/files.ts";
import { caRootFile, caRootUnit } from "./ca-root.ts";
import { placeholders } from "./placeholders.ts";
import {
  certificateProgram,
  installSeconds,
  letsencryptUnit,
  placeholderUnit,
  renewalSeconds,
} from "./unit.ts";

export interface LetsencryptArgs {
  readonly config: LetsencryptConfig;
  /** The load balancer's. */
  readonly container: Container;
  /** Root that vouches for the CA's own web server, as PEM. @default public roots */
  readonly caCertificate?: string | pulumi.Output<string>;
}

/**
 * Everything in a load balancer's container that has and renews certificates. With `prepared` done, HAProxy can start
 * with TLS: every name has an issued certificate or a placeholder. The CA is not asked before `issuance`.
 */
export class Letsencrypt extends pulumi.ComponentResource {
  /** What a load balancer's configuration relies on. */
  readonly prepared: readonly pulumi.Resource[];

  constructor(name: string, args: LetsencryptArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:letsencrypt:Letsencrypt", name, {}, opts);
    const { config, container, caCertificate } = args;
    const parent = { parent: this };
    const root =
      caCertificate === undefined
        ? []
        : [
            new Files(
              `${name}-ca`,
              {
                container,
                spec: pulumi.Output.isInstance(caCertificate)
                  ? caCertificate.apply(caRootUnit)
                  : caRootUnit(caCertificate),
              },
              parent,
            ).applied,
          ];
    const files = new Files(
      `${name}-files`,
      {
        container,
        spec: letsencryptUnit(config, {
          ...authority(config),
          ...(caCertificate === undefined ? {} : { caCertificate: caRootFile }),
        }),
        after: root,
        limitSeconds: installSeconds(config),
      },
      parent,
    );
    const made = placeholders(name, config.certificates, parent);
    const pems = pulumi.all(made.map(({ name, pem }) => pem.apply((text) => ({ name, pem: text }))));
    const placed = new Files(
      `${name}-placeholders`,
      {
        container,
        spec: pems.apply(placeholderUnit),
        after: [files.applied],
        limitSeconds: installSeconds(config),
      },
      parent,
    );
    this.prepared = [files.applied, placed.applied];
    this.registerOutputs({});
  }
}

export interface IssuanceArgs {
  readonly config: LetsencryptConfig;
  readonly container: Container;
  /** What has to be done before the CA is asked: the load balancer answers its questions. */
  readonly after: readonly pulumi.Resource[];
}

/**
 * Has certificates issued that are not there yet. Fails, and with it the update, when one could not be had; the next
 * update then asks only for what is missing. Renewals are the timer's.
 */
export function issuance(name: string, args: IssuanceArgs, opts: pulumi.ComponentResourceOptions): Exec {
  const { config, container, after } = args;
  const { certificates, keyType, publicAddresses } = config;
  return new Exec(
    name,
    {
      container,
      command: [certificateProgram, "renew"],
      because: {
        CERTIFICATES: certificates.map((one) => [one.keyType ?? keyType, ...one.names].join(" ")).join(", "),
        DIRECTORY: authority(config).directory,
        PUBLIC_ADDRESSES: publicAddresses.join(" "),
      },
      limitSeconds: renewalSeconds(config),
      after,
    },
    opts,
  );
}
