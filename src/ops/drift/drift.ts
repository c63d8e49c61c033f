import { lookAround, type Look } from "./look.ts";
import { metricsText, writeMetrics } from "./metrics.ts";
import { noteLook } from "./note.ts";
import { repair } from "./repair.ts";
import { reportJson, reportText, verdictOf } from "./report.ts";
import { StackError } from "../stack.ts";
import { readApplied } from "./state.ts";

export interface DriftFlags {
  readonly stack: string;
  readonly json?: boolean;
  readonly repair?: boolean;
  readonly yes?: boolean;
  /** File that the result is written to, for Prometheus. */
  readonly metrics?: string;
}

export interface DriftTalk {
  /** What was found. */
  result(text: string): void;
  /** What is done, as it is done. */
  progress(text: string): void;
  ask(question: string): Promise<boolean>;
}

/** Exit codes. */
export const driftExit = { clean: 0, failed: 1, drift: 2, unseen: 3 } as const;

/**
 * Looks at a stack, and brings it back where that is asked for.
 * @returns the exit code
 * @throws StackError when the stack's state cannot be read; HostError when a host is being updated
 */
export async function drift(flags: DriftFlags, talk: DriftTalk): Promise<number> {
  const begin = performance.now();
  const applied = await readApplied(flags.stack);
  let look = await lookAround(applied.sites);
  let problems: readonly string[] = [];
  if (flags.repair === true && look.drift.some(({ mends }) => mends.length > 0)) {
    if (flags.json !== true) talk.result(reportText(look, secondsSince(begin)));
    talk.progress("To bring it back:");
    const agreed = async (): Promise<boolean> => flags.yes === true || isAgreed(talk);
    ({ look, problems } = await repair(applied, look, { line: (text) => talk.progress(text), agreed }));
    for (const problem of problems) talk.progress(`not brought back: ${problem}`);
  }
  await tell(flags, talk, look, secondsSince(begin));
  await noteLook(applied.sites, look, new Date());
  return problems.length > 0 ? driftExit.failed : driftExit[verdictOf(look)];
}

/** Nobody to ask is nobody who agrees. */
async function isAgreed(talk: DriftTalk): Promise<boolean> {
  try {
    return await talk.ask("Go on?");
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    talk.progress(error.message);
    return false;
  }
}

async function tell(flags: DriftFlags, talk: DriftTalk, look: Look, seconds: number): Promise<void> {
  const now = new Date();
  if (flags.metrics !== undefined) await writeMetrics(flags.metrics, metricsText(flags.stack, look, now));
  talk.result(
    flags.json === true
      ? JSON.stringify(reportJson(flags.stack, look, now, seconds), null, 2)
      : reportText(look, seconds),
  );
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000;
}
