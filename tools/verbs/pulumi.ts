import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { repository } from "../machine/lab-stack.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Note } from "../progress.ts";

/** Number of resources by what happened to them: `create`, `update`, `replace`, `delete`, `same`. */
export type Changes = Readonly<Record<string, number>>;

const launcher = fileURLToPath(new URL("bin/pulumi", repository));

/**
 * Runs `bin/pulumi` with `words` and `--event-log`, showing the line it is at; resolves with what changed.
 * @throws SetupError with everything that it printed when it fails
 */
export async function changeStack(words: readonly string[], note: Note): Promise<Changes> {
  const folder = await mkdtemp(join(tmpdir(), "veza-events-"));
  try {
    const events = join(folder, "events.json");
    await runPulumi([...words, "--yes", "--skip-preview", "--non-interactive", "--event-log", events], note);
    return changesIn(await readFile(events, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs `bin/pulumi` and resolves with what it printed on standard output.
 * @throws SetupError with everything that it printed when it fails
 */
export async function runPulumi(words: readonly string[], note: Note): Promise<string> {
  // Ctrl-C reaches pulumi too, which then ends in good order; dying before it would leave nobody to tell.
  const wait = (): void => {
    note("stopping: waiting for pulumi to end what it has begun");
  };
  process.on("SIGINT", wait);
  try {
    const child = execa(launcher, words, {
      stdin: "ignore",
      all: true,
      reject: false,
      // The flag for the log of events exists only with the second one.
      env: { NO_COLOR: "1", PULUMI_DEBUG_COMMANDS: "true" },
    });
    const work = new WorkInHand();
    for await (const line of child.iterable({ from: "all" })) {
      if (work.read(line)) note(work.inWords());
    }
    const result = await child;
    if (!result.failed) return result.stdout;
    throw new SetupError(
      `bin/pulumi ${words.slice(0, 3).join(" ")} ended with status ${String(result.exitCode ?? result.signal)}; all it said:`,
      result.all.split("\n"),
    );
  } finally {
    process.off("SIGINT", wait);
  }
}

/** What the engine is doing, read from the lines that it prints without a terminal. */
export class WorkInHand {
  readonly #begun = new Set<string>();
  #ended = 0;

  /** @returns whether the line said that something began or ended */
  read(line: string): boolean {
    // ` +  command:local:Command main-image-app-build creating (12s)`: what begins ends in -ing.
    const [, name = "", verb = ""] = /^\s*\S+\s+command:\S+\s+(\S+)\s+([a-z]+)/.exec(line) ?? [];
    if (verb.endsWith("ing")) {
      this.#begun.add(name);
      return true;
    }
    if (!this.#begun.delete(name)) return false;
    this.#ended++;
    return true;
  }

  inWords(): string {
    const now = [...this.#begun];
    const shown =
      now.length > 3 ? `${now.slice(0, 3).join(", ")} and ${String(now.length - 3)} more` : now.join(", ");
    return `${String(this.#ended)} done${now.length === 0 ? "" : `, now ${shown}`}`;
  }
}

const summaryEvent = z.object({
  summaryEvent: z.object({ resourceChanges: z.record(z.string(), z.number()) }),
});

/** Reads the last summary in the engine's log of events, one JSON document per line. */
export function changesIn(eventLog: string): Changes {
  const summaries = eventLog
    .split("\n")
    .filter((line) => line.includes('"summaryEvent"'))
    .map((line) => summaryEvent.parse(JSON.parse(line)).summaryEvent.resourceChanges);
  return summaries.at(-1) ?? {};
}

/** `3 created, 1 updated, 40 unchanged` */
export function inWords(changes: Changes): string {
  const words: Readonly<Record<string, string>> = { same: "unchanged" };
  const parts = Object.entries(changes).filter(([, count]) => count > 0);
  const spoken = parts.map(
    ([what, count]) => `${String(count)} ${words[what] ?? `${what.replace(/e?$/, "")}ed`}`,
  );
  return spoken.join(", ") || "nothing";
}

/** How many resources are not as they were. */
export function changed(changes: Changes): number {
  return Object.entries(changes).reduce((sum, [what, count]) => (what === "same" ? sum : sum + count), 0);
}
