import { existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { networkInterfaces } from "node:os";
import { execa } from "execa";
import { readScript } from "../../src/shell/read-script.ts";
import { findToolchain } from "../toolchain/find.ts";
import { whereIs } from "./path.ts";

/** A TCP address on this machine. */
export interface Listener {
  readonly address: string;
  readonly port: number;
}

export type ListenerState = "free" | "taken" | "no such address" | "not allowed";

/** One use of IPv4 addresses on this machine: an interface's own, a route, or a gateway. */
export interface AddressUse {
  readonly interface: string;
  /** e.g. `192.0.2.0/24`; a single address is a /32. */
  readonly subnet: string;
  readonly kind: "address" | "route" | "gateway";
}

/** What takes room: Incus with its containers, and building the toolchain. */
export type DiskUse = "containers" | "toolchain";

export interface Disk {
  readonly path: string;
  /** Tells apart what has room of its own. */
  readonly fileSystem: number;
  /** Bytes. */
  readonly free: number;
}

/** What preflight looks at; gathered by `lookAtMachine`, judged by `problemsOf`. */
export interface Machine {
  /** As Node names it: `linux`, `darwin`, … */
  readonly platform: string;
  readonly isRoot: boolean;
  /** `ID`, `VERSION_ID` and `PRETTY_NAME` of /etc/os-release. */
  readonly system: { readonly id: string; readonly version: string; readonly name: string };
  readonly hasApt: boolean;
  /** Version of the Incus client, e.g. `6.0.4`; undefined where there is none. */
  readonly incusVersion: string | undefined;
  /** The Debian mirror that images can be built from; undefined where apt's sources name none. */
  readonly debianMirror: string | undefined;
  /** The keys are there that Debian signs its packages with. */
  readonly hasDebianKeys: boolean;
  /** The pinned Pulumi is there and need not be built. */
  readonly hasToolchain: boolean;
  readonly disks: Readonly<Record<DiskUse, Disk>>;
  /** Bytes that programs can still get. */
  readonly availableMemory: number;
  readonly listeners: readonly (Listener & { readonly state: ListenerState })[];
  readonly addressUses: readonly AddressUse[];
}

/** Looks and changes nothing. Listeners that `ours` names are reported as free. */
export async function lookAtMachine(
  wanted: readonly Listener[],
  paths: Readonly<Record<DiskUse, string>>,
  ours: (listener: Listener) => boolean,
): Promise<Machine> {
  const release = keyValues(readIfThere("/etc/os-release"));
  const listeners = await Promise.all(
    wanted.map(async (listener) => {
      const state = await stateOf(listener);
      return { ...listener, state: state === "taken" && ours(listener) ? ("free" as const) : state };
    }),
  );
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    system: {
      id: release.get("ID") ?? "unknown",
      version: release.get("VERSION_ID") ?? "",
      name: release.get("PRETTY_NAME") ?? "an unknown system",
    },
    hasApt: whereIs("apt-get") !== undefined,
    incusVersion: await incusVersion(),
    debianMirror: await debianMirror(),
    hasDebianKeys:
      release.get("ID") === "debian" || existsSync("/usr/share/keyrings/debian-archive-keyring.gpg"),
    hasToolchain: findToolchain() !== undefined,
    disks: { containers: diskAt(paths.containers), toolchain: diskAt(paths.toolchain) },
    availableMemory: availableMemory(readIfThere("/proc/meminfo")),
    listeners,
    addressUses: [...ownAddresses(), ...routes(readIfThere("/proc/net/route"))],
  };
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function keyValues(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const match = /^([A-Z_]+)="?([^"]*)"?$/.exec(line);
      return match ? [[match[1] ?? "", match[2] ?? ""] as const] : [];
    }),
  );
}

async function incusVersion(): Promise<string | undefined> {
  if (whereIs("incus") === undefined) return undefined;
  const answer = await execa("incus", ["--version"], { stdin: "ignore", timeout: 10_000, reject: false });
  return answer.failed ? "0" : answer.stdout.trim();
}

/** Asks the very script that builds the images. */
async function debianMirror(): Promise<string | undefined> {
  const parameters = { ALIAS: "none", SUITE: "none", PACKAGES: "none" };
  const script = readScript(import.meta.url, "../../src/incus/image.sh");
  const asked = await execa("bash", ["-euo", "pipefail", "-c", `${script}\nmirror`], {
    env: parameters,
    stdin: "ignore",
    timeout: 30_000,
    reject: false,
  });
  return asked.failed || asked.stdout === "" ? undefined : asked.stdout;
}

/** The file system that `path`, or the nearest folder above it that exists, is on. */
function diskAt(path: string): Disk {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return { path, fileSystem: statSync(existing).dev, free: bavail * bsize };
}

function availableMemory(meminfo: string): number {
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024;
}

/** Whether a server could listen there now: found out by listening for a moment. */
export function stateOf({ address, port }: Listener): Promise<ListenerState> {
  const states: Readonly<Record<string, ListenerState>> = {
    EADDRNOTAVAIL: "no such address",
    EACCES: "not allowed",
  };
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(states[error.code ?? ""] ?? "taken");
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      server.close(() => {
        resolve("free");
      });
    });
  });
}

function ownAddresses(): readonly AddressUse[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family }) => family === "IPv4")
      .map(({ address }) => ({ interface: name, subnet: `${address}/32`, kind: "address" as const })),
  );
}

/** Reads the kernel's table of IPv4 routes; the default route counts with its gateway only. */
export function routes(table: string): readonly AddressUse[] {
  return table
    .split("\n")
    .slice(1)
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      const [name = "", destination = "", gateway = "", , , , , mask = ""] = line.trim().split(/\s+/);
      const prefix = littleEndian(mask).reduce(
        (bits, octet) => bits + octet.toString(2).replaceAll("0", "").length,
        0,
      );
      const uses: AddressUse[] = [];
      if (prefix > 0) {
        const subnet = `${littleEndian(destination).join(".")}/${String(prefix)}`;
        uses.push({ interface: name, subnet, kind: "route" });
      }
      if (gateway !== "00000000") {
        uses.push({ interface: name, subnet: `${littleEndian(gateway).join(".")}/32`, kind: "gateway" });
      }
      return uses;
    });
}

/** `004D0A0A` style words hold the first octet last. */
function littleEndian(word: string): readonly number[] {
  return [6, 4, 2, 0].map((at) => parseInt(word.slice(at, at + 2), 16));
}
