import { BlockList } from "node:net";
import type { Connection } from "../../../src/incus/host.ts";
import type { NetworkSpec } from "../../../src/incus/project.ts";
import type { EdgeOutputs } from "../../../src/outputs.ts";
import type { MonitoringConfig } from "./config.ts";

/** Where Prometheus goes. */
export interface Place {
  /** Name of the host, as the watched stack has it. */
  readonly host: string;
  readonly connection: Connection;
  readonly network: NetworkSpec;
  readonly storage: string;
}

/**
 * A place on the watched stack's bridge: its metrics are answered to that subnet only.
 * @throws RangeError that says what in the config, or about the watched stack, is in the way
 */
export function placeOf(edge: EdgeOutputs, { host: wanted, address, name }: MonitoringConfig): Place {
  const { network, storage, hosts, project } = edge;
  if (network === undefined || storage === undefined)
    throw new RangeError(
      `${project} was deployed by an older version of veza-edge, which does not say what network it is on. Nothing was changed. Deploy it first: bin/pulumi up`,
    );
  const known = Object.keys(hosts);
  const host = wanted ?? (known.length === 1 ? known[0] : undefined);
  if (host === undefined)
    throw new RangeError(`veza-monitoring:host is missing: ${project} has several (${known.join(", ")})`);
  const connection = hosts[host];
  if (connection === undefined)
    throw new RangeError(
      `veza-monitoring:host: ${project} has no host '${host}'; it has: ${known.join(", ")}`,
    );
  const [gateway = "", length = ""] = network.gateway.split("/");
  const subnet = new BlockList();
  subnet.addSubnet(gateway, Number(length), "ipv4");
  if (!subnet.check(address) || address === gateway)
    throw new RangeError(
      `veza-monitoring:address: ${address} is no address for a container in ${network.gateway}, the network of ${project}`,
    );
  for (const other of containersOf(edge)) {
    if (other.host === host && other.name === name)
      throw new RangeError(
        `veza-monitoring:name: ${project} has a container '${name}' already, on the same bridge`,
      );
    if (other.address === address)
      throw new RangeError(
        `veza-monitoring:address: ${address} is the address of ${other.name} in ${project}`,
      );
  }
  return { host, connection, network, storage };
}

/** The containers that the outputs tell of. */
function containersOf({ loadBalancers, instances, postgres }: EdgeOutputs): readonly {
  readonly name: string;
  readonly host: string;
  readonly address: string;
}[] {
  return [...loadBalancers, ...instances, ...(postgres?.nodes ?? []), ...(postgres?.routers ?? [])];
}
