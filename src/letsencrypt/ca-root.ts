import type { FilesSpec } from "../incus/files-body.ts";

/** Where a load balancer's container has the certificate that a CA of the stack's own shows. */
export const caRootFile = "/usr/local/etc/tls/acme-ca.pem";

/** In a load balancer's container: the certificate (PEM) that a CA's listener shows, to be believed by dehydrated. */
export function caRootUnit(certificate: string): FilesSpec {
  return {
    unit: "acme-ca",
    files: [
      {
        path: caRootFile,
        content: certificate.endsWith("\n") ? certificate : `${certificate}\n`,
        mode: "0644",
        owner: "root:root",
      },
    ],
  };
}
