import { readFileSync } from "node:fs";

/** When a process of this machine began, in seconds since 1970; undefined when there is none (or a zombie). */
export function processStart(pid: number): number | undefined {
  const ticks = startTicks(pid);
  if (ticks === undefined) return undefined;
  const bootTime = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]);
  const ticksPerSecond = 100; // USER_HZ, the same on every Linux that we serve
  return bootTime + ticks / ticksPerSecond;
}

/**
 * Tells a process from all others that have, had or will have its number on this machine, whatever its clock does;
 * undefined when there is none (or a zombie). Holds neither blanks nor colons.
 */
export function processBirth(pid: number): string | undefined {
  const ticks = startTicks(pid);
  if (ticks === undefined) return undefined;
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
  return `${boot}.${String(ticks)}`;
}

/** Ticks from the machine's start to the process'. */
function startTicks(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // Fields after the parenthesised name, which may itself contain spaces: state is 3rd, starttime 22nd.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
}
