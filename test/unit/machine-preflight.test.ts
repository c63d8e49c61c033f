import { describe, expect, it } from "@jest/globals";
import { routes, type Machine } from "../../tools/machine/machine.ts";
import { problemsOf } from "../../tools/machine/preflight.ts";

const gib = 2 ** 30;
const wanted = { bridge: "incusbr0", gateway: "10.77.0.1/24" };
/** Free GiB, on two file systems or on one. */
function disks(containers: number, toolchain?: number): Machine["disks"] {
  return {
    containers: { path: "/var/lib", fileSystem: 1, free: containers * gib },
    toolchain: {
      path: "/root",
      fileSystem: toolchain === undefined ? 1 : 2,
      free: (toolchain ?? containers) * gib,
    },
  };
}

const fresh: Machine = {
  platform: "linux",
  isRoot: true,
  system: { id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)" },
  hasApt: true,
  incusVersion: undefined,
  debianMirror: "http://mirror.example/debian",
  hasDebianKeys: true,
  hasToolchain: false,
  disks: disks(20, 20),
  availableMemory: 4 * gib,
  listeners: [{ address: "127.0.0.1", port: 8080, state: "free" }],
  addressUses: [{ interface: "eth0", subnet: "192.0.2.7/32", kind: "address" }],
};

function problems(differences: Partial<Machine>): readonly string[] {
  return problemsOf({ ...fresh, ...differences }, wanted);
}

describe("preflight", () => {
  it("lets a fresh Debian 12 machine pass", () => {
    expect(problems({})).toEqual([]);
  });

  it("lets a machine pass that runs the lab already", () => {
    const uses = [
      { interface: "incusbr0", subnet: "10.77.0.1/32", kind: "address" },
      { interface: "incusbr0", subnet: "10.77.0.0/24", kind: "route" },
    ] as const;
    expect(problems({ incusVersion: "6.0.4", addressUses: uses })).toEqual([]);
  });

  it("says that nothing but Linux will do, and nothing more", () => {
    const said = problems({ platform: "darwin", isRoot: false, availableMemory: 0 });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("this is darwin");
  });

  it("reports all problems together", () => {
    const said = problems({
      isRoot: false,
      incusVersion: "5.21",
      disks: disks(1, 20),
      availableMemory: gib,
      listeners: [
        { address: "127.0.0.1", port: 8080, state: "taken" },
        { address: "192.0.2.1", port: 80, state: "no such address" },
        { address: "127.0.0.1", port: 81, state: "not allowed" },
      ],
      addressUses: [{ interface: "wg0", subnet: "10.77.0.5/32", kind: "address" }],
    });
    expect(said).toEqual([
      expect.stringContaining("needs root"),
      expect.stringContaining("Incus here is 5.21, and 6.0 is the oldest"),
      expect.stringContaining(
        "/var/lib: 1.0 GiB are free, and needed are 2.0 GiB for Incus and its containers",
      ),
      expect.stringContaining("1.0 GiB of memory"),
      expect.stringContaining("127.0.0.1:8080 is taken"),
      expect.stringContaining("no address 192.0.2.1"),
      expect.stringContaining("127.0.0.1:81 cannot be listened on by this user"),
      expect.stringContaining("10.77.0.1/24 is in use here (address 10.77.0.5/32 on wg0)"),
    ]);
  });

  it.each([
    ["Debian 11", { id: "debian", version: "11", name: "Debian 11" }, true],
    ["Fedora", { id: "fedora", version: "42", name: "Fedora 42" }, true],
    ["Ubuntu 22.04", { id: "ubuntu", version: "22.04", name: "Ubuntu 22.04" }, true],
    ["Debian 13", { id: "debian", version: "13", name: "Debian 13" }, false],
    ["Ubuntu 24.04", { id: "ubuntu", version: "24.04", name: "Ubuntu 24.04" }, false],
  ])("knows whether it can install Incus on %s", (_name, system, refused) => {
    expect(problems({ system }).length > 0).toBe(refused);
  });

  it("takes any system that has a good Incus, and sources for Debian images", () => {
    const system = { id: "nixos", version: "25.05", name: "NixOS" };
    const nixos = { system, hasApt: false, incusVersion: "6.14" };
    expect(problems(nixos)).toEqual([]);
    expect(problems({ ...nixos, debianMirror: undefined, hasDebianKeys: false })).toEqual([
      expect.stringContaining("package sources name none: write one to"),
      expect.stringContaining("apt-get install debian-archive-keyring"),
    ]);
  });

  it("asks for no Debian where all containers are on other machines", () => {
    expect(problemsOf({ ...fresh, debianMirror: undefined, hasDebianKeys: false }, undefined)).toEqual([]);
  });

  it("asks for less room once Incus is there, and once the toolchain is built", () => {
    expect(problems({ disks: disks(3, 7) })).toHaveLength(1);
    expect(problems({ disks: disks(3, 7), incusVersion: "6.0.4" })).toEqual([]);
    expect(problems({ disks: disks(5, 6) })).toHaveLength(1);
    expect(problems({ disks: disks(5, 6), hasToolchain: true })).toEqual([]);
  });

  it("adds up what is needed on one file system", () => {
    expect(problems({ disks: disks(10) })).toEqual([
      "/var/lib and /root: 10.0 GiB are free, and needed are 4.0 GiB for Incus and its containers, " +
        "6.5 GiB for building the toolchain (docs/toolchain.md): make room there",
    ]);
    expect(problems({ disks: disks(11) })).toEqual([]);
  });

  it("is not disturbed by a wider route around the lab's network, nor by the default route", () => {
    const uses = [
      { interface: "wg0", subnet: "10.0.0.0/8", kind: "route" },
      { interface: "eth0", subnet: "192.0.2.1/32", kind: "gateway" },
    ] as const;
    expect(problems({ addressUses: uses })).toEqual([]);
  });

  it("refuses a network that holds this machine's gateway", () => {
    const said = problems({
      addressUses: [{ interface: "eth0", subnet: "10.77.0.254/32", kind: "gateway" }],
    });
    expect(said).toEqual([expect.stringContaining("gateway 10.77.0.254/32 on eth0")]);
  });

  it("refuses a bridge that has another address already", () => {
    const said = problems({
      addressUses: [{ interface: "incusbr0", subnet: "10.1.2.1/32", kind: "address" }],
    });
    expect(said).toEqual([expect.stringContaining("incusbr0 has the address 10.1.2.1")]);
  });
});

describe("the kernel's routes", () => {
  const table = [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "incusbr0\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    "",
  ].join("\n");

  it("are read with their gateways, the default route with its gateway only", () => {
    expect(routes(table)).toEqual([
      { interface: "eth0", subnet: "192.0.2.1/32", kind: "gateway" },
      { interface: "incusbr0", subnet: "10.77.0.0/24", kind: "route" },
    ]);
  });
});
