import { setTimeout as sleep } from "node:timers/promises";

/** Waits, at most 60 s, for something that another process brings about. */
export async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !holds(); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`waited 60 s in vain for: ${holds.toString()}`);
  }
}
