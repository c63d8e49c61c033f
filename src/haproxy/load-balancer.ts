import * as pulumi from "@pulumi/pulumi";
import type { NetworkConfig } from "../config/incus.ts";
import type { LoadBalancerConfig } from "../config/load-balancer.ts";
import type { Pools } from "../config/pool.ts";
import { Container, type ContainerSpec, type PublishedPort } from "../incus/container.ts";
import { Files } from "../incus/files.ts";
import type { Site } from "../incus/site.ts";
import { certificateUnit, readCertificate } from "./certificate.ts";
import { readMaintenancePage } from "./maintenance-page.ts";
import { loadBalancerModel } from "./model.ts";
import { haproxyUnit, pushSeconds } from "./render.ts";
import type { Certificates } from "./tls.ts";

type LoadBalancerInstance = LoadBalancerConfig["instances"][number];

/** Seconds that bringing or taking away a certificate may take: it is checked (30), and when it goes waits for a reload that goes on (30) and for its own (65). */
const certificateSeconds = 150;

export interface LoadBalancerArgs {
  readonly instance: LoadBalancerInstance;
  /** What all load balancers of the stack share. */
  readonly config: LoadBalancerConfig;
  readonly pools: Pools;
  readonly network: NetworkConfig;
  readonly site: Site;
  /**
   * What has to be done before anything of it changes: the instances behind it, so that a new server is healthy before
   * a load balancer first sees it, and the load balancers before this one, so that one at a time is away. Its container
   * waits too: made anew first and filled last, it would serve nobody during a whole roll-out.
   */
  readonly after: readonly pulumi.Resource[];
  /** Where its certificates come from when they are issued. @default the certificate of `config.tls`, if any */
  readonly certificates?: Extract<Certificates, { kind: "issued" }>;
  /** Volumes for what has to outlive its container. @default none */
  readonly volumes?: ContainerSpec["volumes"];
  /**
   * Puts into the container what has to be there before its configuration, which names files that HAProxy wants to find:
   * called once, and the configuration waits for the resources that it returns. @default nothing
   */
  readonly prepare?: (container: Container) => readonly pulumi.Resource[];
}

/** An HAProxy in a container of its own, in front of the pools. */
export class LoadBalancer extends pulumi.ComponentResource {
  readonly address: string;
  readonly container: Container;
  /** Done when it runs its configuration. */
  readonly applied: pulumi.Resource;

  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:haproxy:LoadBalancer", name, {}, opts);
    const { instance, config, site } = args;
    this.address = instance.address;
    this.container = new Container(
      `${name}-container`,
      {
        ...site,
        spec: {
          name: instance.name,
          address: instance.address,
          publish: publishedPorts(instance, config),
          ...instance.limits,
          ...(args.volumes && { volumes: args.volumes }),
        },
        after: args.after,
      },
      { parent: this },
    );
    const { certificates, before } = this.certificates(name, args);
    const files = new Files(
      `${name}-config`,
      {
        container: this.container,
        spec: haproxyUnit(
          loadBalancerModel(config, args.pools, args.network, certificates, this.maintenancePage(config)),
        ),
        limitSeconds: pushSeconds,
        after: [...args.after, ...before, ...(args.prepare?.(this.container) ?? [])],
      },
      { parent: this },
    );
    this.applied = files.applied;
    this.registerOutputs({ address: this.address });
  }

  /** The page that config names. An update without it was refused before; a preview shows ours in its place. */
  private maintenancePage({ maintenance: { page } }: LoadBalancerConfig): string | undefined {
    if (page === undefined) return undefined;
    const found = readMaintenancePage(page);
    if (found === undefined)
      void pulumi.log.warn(`there is no file ${page} on this machine; an update needs this page`, this);
    return found;
  }

  /**
   * Its certificates, and what has to be done before they can be used. An update without the file that config names was
   * refused before the first resource; a preview does without it.
   */
  private certificates(
    name: string,
    { config, certificates }: LoadBalancerArgs,
  ): { readonly certificates?: Certificates; readonly before: readonly pulumi.Resource[] } {
    if (certificates !== undefined) return { certificates, before: [] };
    const path = config.tls?.certificate;
    if (path === undefined) return { before: [] };
    const found = readCertificate(path);
    if (found === undefined) {
      void pulumi.log.warn(
        `there is no file ${path} on this machine; an update needs this certificate`,
        this,
      );
      return { certificates: { kind: "brought", fingerprint: "" }, before: [] };
    }
    const { applied } = new Files(
      `${name}-certificate`,
      {
        container: this.container,
        secret: true,
        spec: certificateUnit(found.pem),
        limitSeconds: certificateSeconds,
      },
      { parent: this },
    );
    return { certificates: { kind: "brought", fingerprint: found.fingerprint }, before: [applied] };
  }
}

function publishedPorts(instance: LoadBalancerInstance, config: LoadBalancerConfig): PublishedPort[] {
  return instance.publish.flatMap(({ address, http, https }) => [
    ...(http === undefined ? [] : [{ address, port: http, containerPort: config.ports.http }]),
    ...(https === undefined ? [] : [{ address, port: https, containerPort: config.ports.https }]),
  ]);
}
