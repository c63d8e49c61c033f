import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

import { field, type Project } from "./project.ts";

/** A Pulumi state backend in a folder of this machine: what can be seen there without asking Pulumi. */
export interface FileBackend {
  /** The folder that has `.pulumi`. */
  readonly dir: string;
}

/** One lock on a stack: the process that took it, as the lock file says. */
export interface StackLock {
  readonly file: string;
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  readonly since: Date;
}

/** The folder behind a `file://` URL; undefined for any other backend. */
export function fileBackend(url: string | undefined): FileBackend | undefined {
  const path = /^file:\/\/([^?]*)/.exec(url ?? "")?.[1];
  if (path === undefined) return undefined;
  return { dir: resolve(path.replace(/^~(?=\/|$)/, homedir())) };
}

export function hasStack(backend: FileBackend, project: Project, stack: string): boolean {
  const file = join(backend.dir, ".pulumi", "stacks", project.name, `${stack}.json`);
  return existsSync(file) || existsSync(`${file}.gz`);
}

/** The locks on a stack, oldest first. A file that is no lock is left out: Pulumi will say what it thinks of it. */
export function stackLocks(backend: FileBackend, project: Project, stack: string): StackLock[] {
  const dir = join(backend.dir, ".pulumi", "locks", "organization", project.name, stack);
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => parseLock(join(dir, name)) ?? [])
    .sort((a, b) => a.since.getTime() - b.since.getTime());
}

function parseLock(file: string): StackLock | undefined {
  let lock: unknown;
  try {
    lock = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // gone or half-written meanwhile
  }
  const [pid, username, hostname, timestamp] = ["pid", "username", "hostname", "timestamp"].map((name) =>
    field(lock, name),
  );
  if (typeof pid !== "number" || typeof hostname !== "string" || typeof timestamp !== "string")
    return undefined;
  const since = new Date(timestamp);
  if (Number.isNaN(since.getTime())) return undefined;
  return { file, pid, username: typeof username === "string" ? username : "unknown", hostname, since };
}
