import { readdir, readFile } from "node:fs/promises";

/** Looks at a stack's program while an update runs it. */
export interface Watched {
  /** MiB that the program had in memory at most. */
  end(): Promise<number>;
}

/** How often is looked, in ms: the kernel remembers the peak, so the last look before the end is what counts. */
const interval = 100;

/** Begins to look, also before the program is there. @param stack its name */
export function peakMemory(stack: string): Watched {
  let peak = 0;
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)))
        peak = Math.max(peak, await peakOf(pid, stack));
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
  })();
  return {
    end: async () => {
      over.abort();
      await looking;
      return peak;
    },
  };
}

async function peakOf(pid: string, stack: string): Promise<number> {
  try {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    if (!words.some((word) => word.includes("@pulumi/pulumi/cmd/run")) || !words.includes(stack)) return 0;
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0; // it ended meanwhile
  }
}
