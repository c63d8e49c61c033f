import { setTimeout as sleep } from "node:timers/promises";

/** Waits, at most 60 s, for something that another process brings about. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited 60 s in vain for: ${holds.toString()}`);
    await sleep(50);
  }
}
