import { rmSync } from "node:fs";
import { hostname } from "node:os";

import { processStart } from "../process-start.ts";
import type { StackLock } from "./file-backend.ts";

/** `dead` only when that is certain: the process was on this machine and is not there any more. */
export type LockOwner = "dead" | "alive" | "elsewhere";

/** Seconds that two clocks of one machine may differ in rounding. */
const SLACK_SECONDS = 2;

export function ownerOf(lock: StackLock): LockOwner {
  if (lock.hostname !== hostname()) return "elsewhere";
  const started = processStart(lock.pid);
  if (started === undefined) return "dead";
  // The number was given to another process meanwhile: nobody takes a lock before he is born.
  return started > lock.since.getTime() / 1000 + SLACK_SECONDS ? "dead" : "alive";
}

/**
 * Removes the locks whose owners are dead, saying so; returns what to tell the person when a lock is
 * left, and undefined when the way is free.
 */
export function clearDeadLocks(
  stack: string,
  locks: readonly StackLock[],
  say: (line: string) => void,
): string | undefined {
  const left: string[] = [];
  for (const lock of locks) {
    const owner = ownerOf(lock);
    const who = `process ${lock.pid} of ${lock.username}@${lock.hostname}, since ${lock.since.toISOString()}`;
    if (owner === "dead") {
      rmSync(lock.file, { force: true });
      rmSync(`${lock.file}.attrs`, { force: true });
      say(`The lock on stack ${stack} is cleared: its owner is dead (${who}).`);
    } else if (owner === "alive") {
      left.push(`${who}: it is running.
  wait for it:          tail --pid=${lock.pid} -f /dev/null
  or end it gracefully: kill -INT ${lock.pid}`);
    } else {
      left.push(`${who}: another machine, so whether it is alive cannot be seen from here.
  once you know that it is dead: bin/pulumi cancel --stack ${stack}`);
    }
  }
  if (left.length === 0) return undefined;
  return `stack ${stack} is being updated by somebody else; nothing was done.\n  ${left.join("\n  ")}`;
}
