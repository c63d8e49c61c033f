import { statfsSync } from "node:fs";
import { execa } from "execa";
import type { Note } from "../progress.ts";
import { whereIs } from "./path.ts";
import { ensurePrograms, imageBuilder, incusPrograms, type Program } from "./programs.ts";
import { runScript } from "./script.ts";

/** What a stack's containers expect of the Incus they are made in. */
export interface IncusNeeds {
  /** Name of the bridge, e.g. `incusbr0`. */
  readonly bridge: string;
  /** The bridge's own address with its prefix length, e.g. `10.77.0.1/24`. */
  readonly gateway: string;
  /** Name of the storage pool, e.g. `default`. */
  readonly storage: string;
}

/** Enough for about a hundred containers; the kernel's 128 are used up by thirteen. */
const inotifyInstances = 1024;
const startLimitSeconds = 60;

/**
 * Has Incus running on this machine with storage, a bridge and a default profile.
 * What is there is used as it is; installed, started or made is only what is missing. Needs root.
 * @throws SetupError when a step fails, or when the bridge exists with another address.
 */
export async function ensureIncus(
  needs: IncusNeeds,
  note: Note,
  alsoNeeded: readonly Program[] = [],
): Promise<void> {
  const changes: string[] = [];
  if (await incusAnswers()) {
    await ensurePrograms([imageBuilder, ...alsoNeeded], note);
  } else {
    if (whereIs("incus") === undefined) changes.push("installed");
    await ensurePrograms([...incusPrograms, imageBuilder, ...alsoNeeded], note);
    note("starting the daemon");
    const started = await runScript({
      name: "start-incus.sh",
      parameters: { LIMIT: startLimitSeconds },
      limitSeconds: startLimitSeconds + 30,
    });
    changes.push(...started);
  }
  const made = await runScript({
    name: "initialise-incus.sh",
    parameters: {
      BRIDGE: needs.bridge,
      BRIDGE_ADDRESS: needs.gateway,
      POOL: needs.storage,
      POOL_GIB: poolGib(freeBytes("/var/lib")),
      INOTIFY_INSTANCES: inotifyInstances,
    },
    limitSeconds: 120,
  });
  note([...changes, ...made].join(", ") || "ready, nothing to do");
}

/** Whether a daemon answers this user now. */
export async function incusAnswers(): Promise<boolean> {
  if (whereIs("incus") === undefined) return false;
  const answer = await execa("incus", ["query", "/1.0"], { stdin: "ignore", timeout: 10_000, reject: false });
  return !answer.failed;
}

/** Size of the storage pool's file in GiB: 12, on a small disk half of what is free; the file grows as it is used. */
export function poolGib(free: number): number {
  return Math.max(2, Math.min(12, Math.floor(free / 2 ** 31)));
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
