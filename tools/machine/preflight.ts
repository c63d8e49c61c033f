import { BlockList } from "node:net";
import type { AddressUse, Machine } from "./machine.ts";

/** What the lab wants of the machine, from its stack file. */
export interface Wanted {
  readonly bridge: string;
  /** The bridge's own address with its prefix length, e.g. `10.77.0.1/24`. */
  readonly gateway: string;
}

const gib = 2 ** 30;
const oldestIncus = [6, 0] as const;
/** Free bytes: for Incus, images, five containers and the toolchain's build; later for what grows. */
const diskAtFirst = 6 * gib;
const diskLater = 2 * gib;
/** The toolchain's build on a machine without the vendor takes the most. */
const leastMemory = 2 * gib;

/**
 * Everything about this machine that would stop set-up later, each with what to do; empty when it can go on.
 * @param wanted undefined where all containers are on other machines
 */
export function problemsOf(machine: Machine, wanted: Wanted | undefined): readonly string[] {
  if (machine.platform !== "linux") {
    return [
      `this is ${machine.platform}, and Incus containers need Linux: use a Debian 12 machine or a virtual one`,
    ];
  }
  return [
    ...rootProblem(machine),
    ...systemProblem(machine),
    ...diskProblems(machine),
    ...memoryProblem(machine),
    ...listenerProblems(machine),
    ...(wanted === undefined ? [] : networkProblems(machine.addressUses, wanted)),
  ];
}

function rootProblem({ isRoot }: Machine): readonly string[] {
  return isRoot ? [] : ["this needs root: run it with sudo, e.g. `sudo npm run lab`"];
}

function systemProblem({ incusVersion, hasApt, system }: Machine): readonly string[] {
  if (incusVersion !== undefined) {
    const [major = 0, minor = 0] = incusVersion.split(".").map(Number);
    const [oldMajor, oldMinor] = oldestIncus;
    if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) return [];
    return [
      `Incus here is ${incusVersion}, and ${oldestIncus.join(".")} is the oldest that works: upgrade Incus first`,
    ];
  }
  const oldest: Readonly<Record<string, number>> = { debian: 12, ubuntu: 24.04 };
  const needed = oldest[system.id];
  if (hasApt && needed !== undefined && Number(system.version) >= needed) return [];
  return [
    `there is no Incus, and set-up can install it on Debian 12 or later and Ubuntu 24.04 or later only; ` +
      `this is ${system.name}: install Incus 6.0 or later, then run this again`,
  ];
}

function diskProblems({ freeDisk, incusVersion }: Machine): readonly string[] {
  const needed = incusVersion === undefined ? diskAtFirst : diskLater;
  return Object.entries(freeDisk)
    .filter(([, free]) => free < needed)
    .map(
      ([path, free]) => `${path} has ${inGib(free)} free, and ${inGib(needed)} are needed: make room there`,
    );
}

function memoryProblem({ availableMemory }: Machine): readonly string[] {
  if (availableMemory >= leastMemory) return [];
  return [
    `${inGib(availableMemory)} of memory are available, and ${inGib(leastMemory)} are needed: stop something`,
  ];
}

function listenerProblems({ listeners }: Machine): readonly string[] {
  const where = "name another address or port in Pulumi.lab.yaml (veza-edge:loadBalancer, publish)";
  return listeners.flatMap(({ address, port, state }) => {
    const listener = `${address}:${String(port)}`;
    switch (state) {
      case "free":
        return [];
      case "taken":
        return [`${listener} is taken by another program: stop that (\`ss -ltnp\` shows it), or ${where}`];
      case "no such address":
        return [`${listener} cannot be listened on, this machine has no address ${address}: ${where}`];
      case "not allowed":
        return [`${listener} cannot be listened on by this user: run it with sudo, or ${where}`];
    }
  });
}

function networkProblems(uses: readonly AddressUse[], { bridge, gateway }: Wanted): readonly string[] {
  const [address = ""] = gateway.split("/");
  const elsewhere = "(veza-edge:network, and the addresses of all containers)";
  const onBridge = uses.filter((use) => use.interface === bridge && use.kind === "address");
  if (onBridge.length > 0 && !onBridge.some((use) => use.subnet === `${address}/32`)) {
    const has = onBridge.map((use) => use.subnet.replace("/32", "")).join(", ");
    return [
      `the interface ${bridge} has the address ${has}, and the lab expects ${gateway}: ` +
        `name another bridge, or this one's subnet, in Pulumi.lab.yaml ${elsewhere}`,
    ];
  }
  const subnet = new BlockList();
  subnet.addSubnet(address, prefixOf(gateway), "ipv4");
  // A wider route around the subnet is no conflict: the bridge's own is more specific.
  const foreign = uses
    .filter((use) => use.interface !== bridge && prefixOf(use.subnet) >= prefixOf(gateway))
    .filter((use) => subnet.check(use.subnet.split("/")[0] ?? ""))
    .map((use) => `${use.kind} ${use.subnet} on ${use.interface}`);
  if (foreign.length === 0) return [];
  return [
    `the lab's network ${gateway} is in use here (${foreign.join(", ")}): name another in Pulumi.lab.yaml ${elsewhere}`,
  ];
}

function prefixOf(subnet: string): number {
  return Number(subnet.split("/")[1]);
}

function inGib(bytes: number): string {
  return `${(bytes / gib).toFixed(1)} GiB`;
}
