/** Postgres' memory settings, in MiB. */
export interface MemorySettings {
  readonly sharedBuffersMiB: number;
  /** What the planner may take to be cached, by Postgres and the kernel together. */
  readonly effectiveCacheMiB: number;
  readonly maintenanceMiB: number;
  /** For one sort or hash of one session. */
  readonly workMiB: number;
}

/** Taken for the memory of a container without a limit: what is beside it on the host is not known. */
const unlimitedMiB = 512;

/**
 * Sizes Postgres for the memory that it has: a quarter for its own cache, three quarters thought to be cached, and a
 * quarter shared out to sessions, all of which sort at the same time.
 *
 * @param memoryMiB limit of the container; undefined: it has none, and gets Postgres' own modest sizes
 * @param connections most sessions at a time
 */
export function memorySettings(memoryMiB: number | undefined, connections: number): MemorySettings {
  const memory = memoryMiB ?? unlimitedMiB;
  return {
    sharedBuffersMiB: Math.max(16, Math.floor(memory / 4)),
    effectiveCacheMiB: Math.max(32, Math.floor((memory * 3) / 4)),
    maintenanceMiB: clamp(Math.floor(memory / 16), 16, 1024),
    workMiB: clamp(Math.floor(memory / 4 / connections), 1, 64),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
