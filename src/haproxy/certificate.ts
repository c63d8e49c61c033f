import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

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
