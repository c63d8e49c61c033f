import { BlockList } from "node:net";
import type { AddressUse, DiskUse, Machine } from "./machine.ts";

/** What the lab wants of the machine, from its stack file. */
export interface Wanted {
  readonly bridge: string;
  /** The bridge's own address with its prefix length, e.g. `10.77.0.1/24`. */
  readonly gateway: string;
}

const gib = 2 ** 30;
const oldestIncus = [6, 0] as const;
/** Bytes for Incus, two images and five containers; later for what grows. */
const containersAtFirst = 4 * gib;
const containersLater = 2 * gib;
/** Bytes for Go, its modules and what it compiles; most of it is needed for that only. */
const toolchainBuild = 6.5 * gib;
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
    ...(wanted === undefined ? [] : imageProblems(machine)),
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

/** Containers are Debian, whatever this machine is. */
function imageProblems({ debianMirror, hasDebianKeys }: Machine): readonly string[] {
  return [
    ...(debianMirror === undefined
      ? [
          "images are built from a Debian mirror, and this machine's package sources name none: write one to " +
            "/etc/apt/sources.list.d/debian.sources, as the lines `Types: deb`, `URIs: http://HOST/debian`, " +
            "`Suites: trixie`, `Components: main` and `Enabled: no` (this machine itself then takes nothing from it)",
        ]
      : []),
    ...(hasDebianKeys
      ? []
      : [
          "images are built from signed Debian packages, and Debian's keys are not here: " +
            "`apt-get install debian-archive-keyring`",
        ]),
  ];
}

function diskProblems({ disks, incusVersion, hasToolchain }: Machine): readonly string[] {
  const needs = (
    [
      ["containers", incusVersion === undefined ? containersAtFirst : containersLater],
      ["toolchain", hasToolchain ? 0 : toolchainBuild],
    ] satisfies [DiskUse, number][]
  )
    .filter(([, bytes]) => bytes > 0)
    .map(([use, bytes]) => ({ use, bytes, ...disks[use] }));
  const fileSystems = new Set(needs.map(({ fileSystem }) => fileSystem));
  return [...fileSystems].flatMap((one) => {
    const here = needs.filter(({ fileSystem }) => fileSystem === one);
    const needed = here.reduce((sum, { bytes }) => sum + bytes, 0);
    const free = Math.min(...here.map((disk) => disk.free));
    if (free >= needed) return [];
    const paths = here.map(({ path }) => path).join(" and ");
    const uses = here.map(({ use, bytes }) => `${inGib(bytes)} for ${diskUses[use]}`).join(", ");
    return [`${paths}: ${inGib(free)} are free, and needed are ${uses}: make room there`];
  });
}

const diskUses: Readonly<Record<DiskUse, string>> = {
  containers: "Incus and its containers",
  toolchain: "building the toolchain (docs/toolchain.md)",
};

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
