import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { placeholderOrganization } from "../config/certificates.ts";
import type { LetsencryptConfig } from "../config/letsencrypt.ts";

/** A hundred years: nothing ever wants to renew one, and an update never shows one as a diff. */
const validityPeriodHours = 876_000;
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
    const key = new tls.PrivateKey(
      `${component}-${name}-placeholder-key`,
      { algorithm: "ECDSA", ecdsaCurve: "P256" },
      opts,
    );
    const certificate = new tls.SelfSignedCert(
      `${component}-${name}-placeholder`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: {
          organization: placeholderOrganization,
          ...(name.length > commonNameLength ? {} : { commonName: name }),
        },
        dnsNames: [...names],
        validityPeriodHours,
        allowedUses: ["digital_signature", "server_auth"],
      },
      opts,
    );
    return { name, pem: pulumi.secret(pulumi.interpolate`${certificate.certPem}${key.privateKeyPem}`) };
  });
}
