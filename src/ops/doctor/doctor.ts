import Table from "cli-table3";
import { execa } from "execa";
import { readFile, statfs } from "node:fs/promises";
import { homedir } from "node:os";
import pc from "picocolors";
import { findToolchain } from "../../../tools/toolchain/find.ts";

/** One thing that is needed, as it is on this machine. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** Version or size; what is wrong, when it is. */
  readonly found: string;
  /** Where it came from or lies. */
  readonly from: string;
  /** What to do when it is missing. */
  readonly todo?: string;
}

/** Looks at everything `npm run lab` sets up; changes nothing. */
export async function examine(): Promise<readonly Finding[]> {
  const found = await Promise.all([
    program("git", ["git", "--version"], "install git"),
    incus(),
    program("mmdebstrap", ["mmdebstrap", "--version"], "npm run lab installs it; it builds container images"),
    program("ssh", ["ssh", "-V"], "apt-get install openssh-client; only stacks on other machines need it"),
    inotify(),
    disk("/var/lib"),
    disk(homedir()),
  ]);
  return [
    { what: "Node", ok: true, found: process.version, from: process.execPath },
    ...toolchain(),
    ...found,
  ];
}

function toolchain(): Finding[] {
  const tools = findToolchain();
  if (tools === undefined) {
    return [
      {
        what: "Pulumi toolchain",
        ok: false,
        found: "not here",
        from: "",
        todo: "npm run lab or bin/pulumi version gets it",
      },
    ];
  }
  const names = { cli: "Pulumi", tls: "Pulumi plugin tls", command: "Pulumi plugin command" } as const;
  return (["cli", "tls", "command"] as const).map((piece) => {
    const { version, road, path } = tools.origins[piece];
    return { what: names[piece], ok: true, found: version, from: `${road}: ${path}` };
  });
}

async function program(
  what: string,
  [file, ...words]: [string, ...string[]],
  todo: string,
): Promise<Finding> {
  const run = await execa(file, words, { reject: false, all: true, timeout: 10_000 });
  const version = /\d+\.\d+[\w.~+-]*/.exec(run.all)?.[0];
  if (run.failed || version === undefined) return { what, ok: false, found: "not here", from: "", todo };
  const path = await execa("sh", ["-c", `command -v "$1"`, "sh", file], { reject: false });
  return { what, ok: true, found: version, from: path.stdout };
}

async function incus(): Promise<Finding> {
  const run = await execa("incus", ["version"], { reject: false, timeout: 10_000, all: true });
  const client = /Client version: (\S+)/.exec(run.all)?.[1];
  const server = /Server version: (\S+)/.exec(run.all)?.[1];
  if (client === undefined)
    return { what: "Incus", ok: false, found: "not here", from: "", todo: "npm run lab installs it" };
  if (server === undefined || server === "unreachable") {
    return {
      what: "Incus",
      ok: false,
      found: `${client}, but its daemon does not answer`,
      from: "",
      todo: "npm run lab starts it (or: systemctl start incus)",
    };
  }
  return { what: "Incus", ok: true, found: server, from: "its daemon answers" };
}

async function inotify(): Promise<Finding> {
  const what = "fs.inotify.max_user_instances";
  const from = "/proc/sys/fs/inotify/max_user_instances";
  const value = Number(await readFile(from, "utf8"));
  return value >= 1024
    ? { what, ok: true, found: String(value), from }
    : {
        what,
        ok: false,
        found: `${String(value)}: too few for more than 13 containers`,
        from,
        todo: "npm run lab raises it to 1024",
      };
}

async function disk(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path);
  const free = (bavail * bsize) / 2 ** 30;
  const found = `${free.toFixed(1)} GiB free`;
  const what = `Disk at ${path}`;
  return free >= 2
    ? { what, ok: true, found, from: path }
    : { what, ok: false, found, from: path, todo: "make room: 2 GiB at least" };
}

/** For a terminal. */
export function findingsTable(findings: readonly Finding[]): string {
  const table = new Table({
    head: ["", "what", "found", "from / what to do"],
    style: { head: [], border: [] },
  });
  for (const { ok, what, found, from, todo } of findings) {
    table.push([ok ? pc.green("ok") : pc.red("missing"), what, found, ok ? from : (todo ?? "")]);
  }
  return table.toString();
}
