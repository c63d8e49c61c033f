import * as pulumi from "@pulumi/pulumi";
import { placeholderOrganization } from "../config/certificates.ts";
import type { LetsencryptConfig } from "../config/letsencrypt.ts";
import { selfSigned } from "./self-signed.ts";

/** What a certificate's common name may be long; the names themselves stand beside it. */
const commonNameLength = 64;

/** What a load balancer serves under a name until the CA has given something better. */
export interface Placeholder {
  /** The first of its names. */
  readonly name: string;
  /** Certificate, then key. Secret, and not known before the first update. */
  readonly pem: pulumi.Output<string>;
}

/** One self-signed certificate for each entry of the config, kept in the stack's state. */
export function placeholders(
  component: string,
  certificates: LetsencryptConfig["certificates"],
  opts: pulumi.CustomResourceOptions,
): readonly Placeholder[] {
  return certificates.map(({ names }) => {
    const [name = ""] = names;
    const { certificatePem, keyPem } = selfSigned(
      {
        key: `${component}-${name}-placeholder-key`,
        certificate: `${component}-${name}-placeholder`,
      },
      {
        subject: {
          organization: placeholderOrganization,
          ...(name.length > commonNameLength ? {} : { commonName: name }),
        },
        dnsNames: [...names],
      },
      opts,
    );
    return { name, pem: pulumi.secret(pulumi.interpolate`${certificatePem}${keyPem}`) };
  });
}
