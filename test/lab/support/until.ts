import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until it is so. @throws Error that says what never came, after `seconds` */
export async function until(what: string, isSo: () => Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`within ${String(seconds)} s it was never so that ${what}`);
    await sleep(200);
  }
}
