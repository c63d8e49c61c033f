import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { certificateDirectory } from "../config/certificates.ts";
import type { FilesSpec } from "../incus/files-body.ts";
import { readScript } from "../shell/read-script.ts";

/** Where a certificate lies that the stack itself brings. */
export const broughtCertificate = `${certificateDirectory}/edge.pem`;

/** A certificate that the stack itself brings to its load balancers. */
export interface BroughtCertificate {
  /** PEM with chain and private key. */
  readonly pem: string;
  /**
   * Changes with the certificate. Plain hash: the private key in it has more entropy than anybody can guess.
   */
  readonly fingerprint: string;
}

/** @returns undefined when there is no such file: enough to preview a stack, not to deploy it */
export function readCertificate(path: string): BroughtCertificate | undefined {
  if (!existsSync(path)) return undefined;
  const pem = readFileSync(path, "utf8");
  return {
    pem: pem.endsWith("\n") ? pem : `${pem}\n`,
    fingerprint: createHash("sha256").update(pem).digest("hex").slice(0, 16),
  };
}

/** The unit of files that brings a certificate to an HAProxy, which has to accept it first. Only its master, root, reads it. */
export function certificateUnit(pem: string): FilesSpec {
  return {
    unit: "certificate",
    directories: [{ path: certificateDirectory, mode: "0700", owner: "root:root" }],
    files: [{ path: broughtCertificate, content: pem, mode: "0600", owner: "root:root" }],
    followUp: {
      script: readScript(import.meta.url, "certificate.sh"),
      parameters: { CERTIFICATE: broughtCertificate },
    },
  };
}
