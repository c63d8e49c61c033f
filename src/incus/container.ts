import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { readScript } from "../shell/read-script.ts";
import { generationOf, type Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Project } from "./project.ts";
import type { Volume } from "./volume.ts";

/** A port of the host that leads into the container. */
export interface PublishedPort {
  /** The host's address. Loopback addresses go through a relay that says the client's address in a PROXY header; others are forwarded by the kernel and keep it. */
  readonly address: string;
  readonly port: number;
  readonly containerPort: number;
  /** Whether what listens there understands the PROXY header; without it, the relay's address is all that it sees. @default true */
  readonly proxyHeader?: boolean;
}

/** A volume and where the container has it. */
export interface MountedVolume {
  readonly volume: Volume;
  /** Absolute path in the container; the directory is made when it is not there. */
  readonly path: string;
  /** @default false */
  readonly readOnly?: boolean;
}

export interface ContainerSpec {
  readonly name: string;
  /** Static IPv4 address on the project's network. */
  readonly address: string;
  /** CPU cores. @default all of the host */
  readonly cpus?: number | undefined;
  /** Memory in MiB. @default all of the host */
  readonly memoryMiB?: number | undefined;
  /** Size of the root disk in GiB. @default as large as the pool */
  readonly rootGiB?: number | undefined;
  readonly publish?: readonly PublishedPort[];
  /** What outlives the container. They come and go while it runs. */
  readonly volumes?: readonly MountedVolume[];
}

export interface ContainerArgs {
  readonly project: Project;
  readonly image: Image;
  readonly spec: ContainerSpec;
  /** What has to be done before; also before it is made anew. Not waited for in a new stack. */
  readonly after?: readonly pulumi.Resource[];
}

/** An Incus container with a static address, its ports and limits; ready when its init says so. What is inside belongs to `Files`. */
export class Container extends pulumi.ComponentResource {
  readonly name: string;
  readonly address: string;
  readonly host: Host;
  readonly project: string;
  /** Changes when the container is made anew; whatever lives inside has it among its triggers. */
  readonly generation: string;
  /** The resource that goes away with the container. */
  readonly resource: pulumi.Resource;

  constructor(name: string, args: ContainerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Container", name, {}, opts);
    const { project, spec } = args;
    this.name = spec.name;
    this.address = spec.address;
    this.host = project.host;
    this.project = project.project;
    this.generation = generationOf({
      host: project.host.name,
      project: project.project,
      name: spec.name,
      address: spec.address,
      bridge: project.network.bridge,
      storage: project.storage,
      image: args.image.alias,
    });
    this.resource = project.host.run(
      `${name}-create`,
      {
        parameters: {
          PROJECT: project.project,
          CONTAINER: spec.name,
          GENERATION: this.generation,
          IMAGE: args.image.alias,
          DEFINITION: JSON.stringify(definition(project, spec, this.generation), null, 2),
        },
        script: readScript(import.meta.url, "about-container.sh", "container.sh"),
      },
      { limitSeconds: 800, deletes: true, triggers: [this.generation] },
      {
        parent: this,
        deleteBeforeReplace: true,
        dependsOn: [
          args.project,
          args.image,
          ...(spec.volumes ?? []).map(({ volume }) => volume),
          ...(project.isNew ? [] : (args.after ?? [])),
        ],
      },
    );
    this.registerOutputs({ name: this.name, address: this.address });
  }
}

type Devices = Record<string, Record<string, string>>;

/** Config and devices as Incus' instance API takes them. */
function definition(
  project: Project,
  spec: ContainerSpec,
  generation: string,
): { config: Record<string, string>; devices: Devices } {
  const devices: Devices = {
    root: {
      type: "disk",
      path: "/",
      pool: project.storage,
      ...(spec.rootGiB === undefined ? {} : { size: `${String(spec.rootGiB)}GiB` }),
    },
    eth0: {
      type: "nic",
      name: "eth0",
      network: project.network.bridge,
      "ipv4.address": spec.address,
      hwaddr: macAddress(`${project.project}/${spec.name}`),
    },
  };
  for (const port of spec.publish ?? [])
    devices[`port-${String(port.containerPort)}-${port.address.replaceAll(".", "-")}-${String(port.port)}`] =
      proxyDevice(port, spec.address);
  for (const { volume, path, readOnly } of spec.volumes ?? [])
    devices[`volume-${volume.volume}`] = {
      type: "disk",
      pool: volume.storage,
      source: volume.volume,
      path,
      ...(readOnly === true ? { readonly: "true" } : {}),
    };
  return {
    config: {
      "boot.autostart": "true",
      "user.veza.generation": generation,
      "limits.cpu": spec.cpus === undefined ? "" : String(spec.cpus),
      "limits.memory": spec.memoryMiB === undefined ? "" : `${String(spec.memoryMiB)}MiB`,
    },
    devices,
  };
}

function proxyDevice(port: PublishedPort, address: string): Record<string, string> {
  const listen = `tcp:${port.address}:${String(port.port)}`;
  return port.address.startsWith("127.")
    ? {
        type: "proxy",
        listen,
        connect: `tcp:127.0.0.1:${String(port.containerPort)}`,
        ...(port.proxyHeader === false ? {} : { proxy_protocol: "true" }),
      }
    : { type: "proxy", listen, connect: `tcp:${address}:${String(port.containerPort)}`, nat: "true" };
}

/** A fixed address: a container made again with a new one stays unreachable until stale ARP entries time out. */
export function macAddress(name: string): string {
  const digest = createHash("sha256").update(name).digest("hex");
  return `10:66:6a:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}
