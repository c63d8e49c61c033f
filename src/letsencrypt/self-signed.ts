import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

/** A hundred years: nothing ever wants to renew one, and an update never shows one as a diff. */
const validityPeriodHours = 876_000;

/** What a listener shows when no CA vouches for it, kept in the stack's state; not known before the first update. */
export interface SelfSigned {
  readonly certificatePem: pulumi.Output<string>;
  /** Secret. */
  readonly keyPem: pulumi.Output<string>;
}

/**
 * @param names of the two resources, key and certificate
 * @param shown whom the certificate is for
 */
export function selfSigned(
  names: { readonly key: string; readonly certificate: string },
  shown: Pick<tls.SelfSignedCertArgs, "subject" | "dnsNames" | "ipAddresses">,
  opts: pulumi.CustomResourceOptions,
): SelfSigned {
  const key = new tls.PrivateKey(names.key, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
  const certificate = new tls.SelfSignedCert(
    names.certificate,
    {
      ...shown,
      privateKeyPem: key.privateKeyPem,
      validityPeriodHours,
      allowedUses: ["digital_signature", "server_auth"],
    },
    opts,
  );
  return { certificatePem: certificate.certPem, keyPem: key.privateKeyPem };
}
