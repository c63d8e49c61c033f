import { isIPv4, isIPv6 } from "node:net";
import { certificateMetricsPort } from "./certificates.ts";
import { missingPackages } from "./image-checks.ts";
import { letsencryptPackages } from "./letsencrypt.ts";
import { yamlPath, type Problem } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

type Letsencrypt = NonNullable<Sketch["letsencrypt"]>;
type LoadBalancer = NonNullable<Sketch["loadBalancer"]>;

/** Certificates have one source, and what issues them is in the load balancer's container. */
export function certificateChecks({ images, loadBalancer, letsencrypt }: Sketch): Problem[] {
  const tls = yamlPath(["loadBalancer", "tls", "certificate"]);
  if (letsencrypt === undefined) {
    if (loadBalancer?.tls === undefined || loadBalancer.tls.certificate !== undefined) return [];
    return [{ path: tls, message: "is missing", hint: "name a PEM file, or add veza-edge:letsencrypt" }];
  }
  const path = yamlPath(["letsencrypt"]);
  const second = loadBalancer?.instances[1];
  return [
    ...(loadBalancer === undefined
      ? [
          {
            path,
            message: "there is no load balancer that could serve the certificates",
            hint: "add veza-edge:loadBalancer",
          },
        ]
      : []),
    ...(loadBalancer?.tls?.certificate === undefined
      ? []
      : [
          {
            path: tls,
            message: "certificates come from veza-edge:letsencrypt already",
            hint: "remove one of the two",
          },
        ]),
    ...(second === undefined
      ? []
      : [
          {
            path: yamlPath(["loadBalancer", "instances", 1]),
            message:
              "certificates are issued for one load balancer only: there is no way yet to bring them to a second one",
            hint: "remove it, or remove veza-edge:letsencrypt and bring certificates by loadBalancer.tls.certificate",
          },
        ]),
    ...publicAddresses(letsencrypt),
    ...challenge(letsencrypt),
    ...ports(letsencrypt, loadBalancer),
    ...missingPackages(images, "haproxy", letsencryptPackages, "veza-edge:letsencrypt"),
  ];
}

/** The load balancer listens on IPv4, and a CA prefers the AAAA record where there is one. */
function publicAddresses({ publicAddresses: addresses }: Letsencrypt): Problem[] {
  return addresses.flatMap((address, n) =>
    address === undefined || !isIPv6(address)
      ? []
      : [
          {
            path: yamlPath(["letsencrypt", "publicAddresses", n]),
            message: `${address} is an IPv6 address, at which this edge does not listen yet: a CA would ask there first, in vain`,
            hint: "leave it out, and have no AAAA records for these names",
          },
        ],
  );
}

/** What answers the CA is in the container of the one load balancer that there is. */
function challenge({ challenge: { address } }: Letsencrypt): Problem[] {
  if (address === loopback || !isIPv4(address)) return [];
  return [
    {
      path: yamlPath(["letsencrypt", "challenge", "address"]),
      message: `nothing would answer the CA at ${address}: what does is in the load balancer's container, at ${loopback}`,
      hint: "leave it out until several load balancers can share one issuer",
    },
  ];
}

const loopback = "127.0.0.1";

/** Listeners in the load balancer's container; those of HAProxy among each other are its own room's to tell apart. */
function ports(letsencrypt: Letsencrypt, loadBalancer: LoadBalancer | undefined): Problem[] {
  const listeners = Object.entries(loadBalancer?.ports ?? {}).map(([key, port]) => ({
    port,
    path: yamlPath(["loadBalancer", "ports", key]),
  }));
  const sidecar = {
    port: letsencrypt.challenge.port,
    path: yamlPath(["letsencrypt", "challenge", "port"]),
  };
  const taken = (port: number, path: string, by: string): Problem => ({
    path,
    message: `${String(port)} is the port of ${by} already`,
    hint: "both are in the load balancer's container: take another one",
  });
  return [
    ...[...listeners, sidecar].flatMap(({ port, path }) =>
      port === certificateMetricsPort ? [taken(port, path, "the metrics about certificates")] : [],
    ),
    ...listeners.flatMap(({ port, path }) =>
      port === sidecar.port ? [taken(port, sidecar.path, path)] : [],
    ),
  ];
}
