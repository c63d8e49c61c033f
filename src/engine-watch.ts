import { readFileSync } from "node:fs";
import { connect } from "node:net";

/** How often the engine is looked for, in ms. */
const interval = 2_000;

/**
 * Ends this process when the engine that started it is gone. Without this, a program whose engine was killed goes on
 * for good, failing to say so: it was seen taking half a core and gigabytes of memory.
 */
export function endWithEngine(): void {
  const [host, port] = engineAddress();
  if (host === undefined || port === undefined) return;
  let refusals = 0;
  const timer = setInterval(() => {
    const socket = connect({ host, port: Number(port) });
    socket.once("connect", () => {
      refusals = 0;
      socket.destroy();
    });
    socket.once("error", () => {
      refusals++;
      // Nobody listens to a message any more, and an orderly end would wait for the engine.
      if (refusals === 2) process.kill(process.pid, "SIGKILL");
    });
  }, interval);
  timer.unref();
}

/** From the command line that the language host started this process with; the SDK has taken it out of argv. */
function engineAddress(): readonly string[] {
  const words = readFileSync("/proc/self/cmdline", "utf8").split("\0");
  return words[words.indexOf("--engine") + 1]?.split(":") ?? [];
}
