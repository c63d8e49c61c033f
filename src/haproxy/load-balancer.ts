import * as pulumi from "@pulumi/pulumi";
import type { NetworkConfig } from "../config/incus.ts";
import type { LoadBalancerConfig } from "../config/load-balancer.ts";
import type { Pools } from "../config/pool.ts";
import { Container, type PublishedPort } from "../incus/container.ts";
import { Files } from "../incus/files.ts";
import type { Site } from "../incus/site.ts";
import { certificateUnit, readCertificate, type BroughtCertificate } from "./certificate.ts";
import { loadBalancerModel } from "./model.ts";
import { loadBalancerUnit } from "./render.ts";

type LoadBalancerInstance = LoadBalancerConfig["instances"][number];

/**
 * Seconds a push may take with all the limits in push.sh reached, one after the other: what runs is looked at (30), the
 * check (30), reload or restart (70), the proof (30), and the last two again when it is taken back. Shorter, and the
 * limit could end it in the middle of putting the old configuration back.
 */
const pushSeconds = 300;

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
}

/** An HAProxy in a container of its own, in front of the pools. */
export class LoadBalancer extends pulumi.ComponentResource {
  readonly address: string;
  /** Done when it runs its configuration. */
  readonly applied: pulumi.Resource;

  constructor(name: string, args: LoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:haproxy:LoadBalancer", name, {}, opts);
    const { instance, config, site } = args;
    this.address = instance.address;
    const container = new Container(
      `${name}-container`,
      {
        ...site,
        spec: {
          name: instance.name,
          address: instance.address,
          publish: publishedPorts(instance, config),
          ...instance.limits,
        },
        after: args.after,
      },
      { parent: this },
    );
    const certificate = config.tls === undefined ? undefined : this.certificate(config.tls.certificate);
    const brought =
      certificate === undefined
        ? []
        : [
            new Files(
              `${name}-certificate`,
              { container, secret: true, spec: certificateUnit(certificate.pem) },
              { parent: this },
            ).applied,
          ];
    const files = new Files(
      `${name}-config`,
      {
        container,
        spec: loadBalancerUnit(loadBalancerModel(config, args.pools, args.network, certificate?.fingerprint)),
        limitSeconds: pushSeconds,
        after: [...args.after, ...brought],
      },
      { parent: this },
    );
    this.applied = files.applied;
    this.registerOutputs({ address: this.address });
  }

  /** An update without the file was refused before the first resource; a preview does without it. */
  private certificate(path: string): BroughtCertificate | undefined {
    const found = readCertificate(path);
    if (found !== undefined) return found;
    void pulumi.log.warn(`there is no file ${path} on this machine; an update needs this certificate`, this);
    return undefined;
  }
}

function publishedPorts(instance: LoadBalancerInstance, config: LoadBalancerConfig): PublishedPort[] {
  return instance.publish.flatMap(({ address, http, https }) => [
    ...(http === undefined ? [] : [{ address, port: http, containerPort: config.ports.http }]),
    ...(https === undefined ? [] : [{ address, port: https, containerPort: config.ports.https }]),
  ]);
}
