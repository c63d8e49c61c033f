import * as pulumi from "@pulumi/pulumi";
import { Container } from "../../../src/incus/container.ts";
import { Files } from "../../../src/incus/files.ts";
import { Host } from "../../../src/incus/host.ts";
import { Image } from "../../../src/incus/image.ts";
import { Project } from "../../../src/incus/project.ts";
import { Volume } from "../../../src/incus/volume.ts";
import { placeOf } from "./place.ts";
import { measurements, prometheusImage, prometheusUnit, pushSeconds, type Watch } from "./prometheus-unit.ts";
import { dashboardUrls, prometheusPort } from "./scrape.ts";

export interface MonitoringArgs extends Watch {
  /** For a host reached over SSH; without it the agent of whoever runs `pulumi` is asked. */
  readonly sshPrivateKey?: pulumi.Output<string>;
}

/** A Prometheus that watches one stack, with a dashboard, in an Incus project of its own beside that stack's. */
export class Monitoring extends pulumi.ComponentResource {
  /** Where its dashboard is: published ports first, then on the bridge. Known at preview. */
  readonly urls: readonly string[];

  /** @throws RangeError when the watched stack has no place for it, or was deployed by an older version */
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:monitoring:Monitoring", name, {}, opts);
    const { config } = args;
    const parent = { parent: this };
    const { host, connection, network, storage } = placeOf(args.edge, config);
    const project = new Project(
      `${name}-project`,
      {
        host: new Host(host, connection, args.sshPrivateKey),
        project: `veza-monitoring-${args.stack}`,
        network,
        storage,
      },
      parent,
    );
    const image = new Image(
      `${name}-image`,
      { host: project.host, image: "prometheus", spec: prometheusImage(config) },
      parent,
    );
    const volume = new Volume(
      `${name}-measurements`,
      { project, volume: "prometheus", keep: config.volumes === "keep" },
      parent,
    );
    const container = new Container(
      `${name}-container`,
      {
        project,
        image,
        spec: {
          name: config.name,
          address: config.address,
          ...config.limits,
          volumes: [{ volume, path: measurements }],
          // What listens there is asked directly, and knows no PROXY header.
          publish: config.publish.map((at) => ({ ...at, containerPort: prometheusPort, proxyHeader: false })),
        },
      },
      parent,
    );
    new Files(
      `${name}-prometheus`,
      { container, spec: prometheusUnit(args), limitSeconds: pushSeconds },
      parent,
    );
    this.urls = dashboardUrls(config);
    this.registerOutputs({ urls: this.urls });
  }
}
