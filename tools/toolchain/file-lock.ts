import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** Longest wait for another process's lock, in seconds: a whole build on a slow machine. */
const WAIT_SECONDS = 3600;
const BUSY = 75;

/**
 * Runs `work` while holding an exclusive lock on `file` (created when missing).
 *
 * The lock is the kernel's: a child, flock(1), holds it as long as its stdin is open, so it ends with
 * this process however that dies, and there is no stale lock to judge. `onWait` is called once when
 * another process has it. Throws after an hour of waiting.
 */
export async function withFileLock<T>(file: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  let holder = await acquire(file, ["--nonblock"]);
  if (holder === undefined) {
    onWait();
    holder = await acquire(file, ["--wait", String(WAIT_SECONDS)]);
  }
  if (holder === undefined) {
    throw new Error(`another process has held ${file} for an hour; see who: fuser ${file}`);
  }
  try {
    return await work();
  } finally {
    holder.stdin?.end();
  }
}

/** The process that holds the lock, or undefined when it was not to be had. */
function acquire(file: string, how: readonly string[]): Promise<ChildProcess | undefined> {
  return new Promise((resolve, reject) => {
    const args = ["--exclusive", "--conflict-exit-code", String(BUSY), ...how, file];
    const child = spawn("flock", [...args, "sh", "-c", "echo held; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
      // Not in our process group: Ctrl-C must not free the lock while a build still cleans up.
      detached: true,
    });
    child.once("error", (error) => reject(new Error(`flock(1) cannot be run: ${error.message}`)));
    child.stdout.once("data", () => resolve(child));
    child.once("exit", (code) => {
      if (code === BUSY) resolve(undefined);
      else reject(new Error(`${file} cannot be locked (flock ended with ${code})`));
    });
  });
}
