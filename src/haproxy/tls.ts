import { certificateDirectory, issuedNamesMap } from "../config/certificates.ts";
import { defaultHstsSeconds, type LoadBalancerConfig } from "../config/load-balancer.ts";
import { redirectPorts, type RedirectPort } from "./redirect-ports.ts";

/** Where a load balancer's certificates come from. */
export type Certificates =
  | {
      /** The stack itself brings one. */
      readonly kind: "brought";
      /** Changes with the certificate; empty when it cannot be read here. */
      readonly fingerprint: string;
    }
  | {
      /** A program in the load balancer's container has them issued and renewed. */
      readonly kind: "issued";
      /** First name of each certificate. */
      readonly primaryNames: readonly string[];
      /** Who answers the CA's questions, as seen from the container. */
      readonly challenge: { readonly address: string; readonly port: number };
      /** Loopback port of metrics about the certificates. */
      readonly metricsPort: number;
    };

/** HTTPS of a public frontend. */
export interface Tls {
  readonly port: number;
  readonly certificateDirectory: string;
  readonly hstsSeconds: number;
  /** Says which certificates there are, so that others are another configuration, which is loaded; empty: not known yet. */
  readonly certificates: string;
  /** Map of the names that are redirected and told to stay on HTTPS; absent: every name is. */
  readonly namesMap?: string;
  /** Where a client finds HTTPS that asked the first port; every other one is sent to 443. */
  readonly redirectPorts: readonly RedirectPort[];
  /** Cookie of HAProxy's own that is for HTTPS only once it was given there. */
  readonly cookie: string;
}

export function tls(config: LoadBalancerConfig, certificates: Certificates): Tls {
  const { ports, cookie } = config;
  const issued = certificates.kind === "issued";
  return {
    port: ports.https,
    certificateDirectory,
    hstsSeconds: config.tls?.hstsSeconds ?? defaultHstsSeconds,
    certificates: issued ? certificates.primaryNames.join(" ") : certificates.fingerprint,
    ...(issued && { namesMap: issuedNamesMap }),
    redirectPorts: redirectPorts(config),
    cookie: cookie.name,
  };
}
