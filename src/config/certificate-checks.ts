import { letsencryptPackages } from "./letsencrypt.ts";
import { yamlPath, type Problem } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

/** Certificates have one source, and what issues them is in the load balancer's container. */
export function certificateChecks({ images, loadBalancer, letsencrypt }: Sketch): Problem[] {
  const tls = yamlPath(["loadBalancer", "tls", "certificate"]);
  if (letsencrypt === undefined) {
    if (loadBalancer?.tls === undefined || loadBalancer.tls.certificate !== undefined) return [];
    return [{ path: tls, message: "is missing", hint: "name a PEM file, or add veza-edge:letsencrypt" }];
  }
  const path = yamlPath(["letsencrypt"]);
  const missing = letsencryptPackages.filter((name) => images?.haproxy?.packages?.includes(name) === false);
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
    ...(missing.length === 0
      ? []
      : [
          {
            path: yamlPath(["images", "haproxy", "packages"]),
            message: `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing, which veza-edge:letsencrypt needs`,
            hint: "add what is missing, or leave packages out to have the default",
          },
        ]),
  ];
}
