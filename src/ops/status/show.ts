import { setTimeout as delay } from "node:timers/promises";
import type { EdgeOutputs } from "../../outputs.ts";
import { findingsOf, type Findings } from "./judge.ts";
import { screen } from "./screen.ts";
import type { Status } from "./status.ts";
import type { StackWatch } from "./watch.ts";

export interface ShowChoices {
  readonly json: boolean;
  readonly outputs: EdgeOutputs;
}

/** Asks everybody, and prints what they say. */
export async function showOnce(sources: StackWatch, choices: ShowChoices): Promise<Findings> {
  const status = await sources.look();
  const at = new Date();
  const findings = findingsIn(status, choices, at);
  console.log(choices.json ? json(status, findings, at, 2) : screen(status, findings, at));
  return findings;
}

/** Prints it again and again until Ctrl-C: over itself on a terminal, one below the other elsewhere. */
export async function showAgainAndAgain(
  sources: StackWatch,
  choices: ShowChoices,
  everyMs: number,
): Promise<Findings> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
  };
  process.once("SIGINT", end).once("SIGTERM", end);
  // What takes its output away has seen enough.
  process.stdout.once("error", end);
  const first = await sources.look();
  sources.goOn();
  let findings = findingsIn(first, choices, new Date());
  while (!ended.signal.aborted) {
    const status = sources.now();
    const at = new Date();
    findings = findingsIn(status, choices, at);
    if (choices.json) console.log(json(status, findings, at));
    else show(screen(status, findings, at, first));
    await delay(everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  return findings;
}

function findingsIn(status: Status, { outputs }: ShowChoices, at: Date): Findings {
  const pools = Object.entries(outputs.pools).map(([pool, servers]): [string, string[]] => [
    pool,
    servers.map(({ name }) => name),
  ]);
  return findingsOf(status, Object.fromEntries(pools), at);
}

function json(status: Status, findings: Findings, at: Date, indent?: number): string {
  return JSON.stringify({ at, ...findings, ...status }, null, indent);
}

/** Over what was there, line by line, so that nothing flickers; what does not fit is cut off at the bottom. */
function show(text: string): void {
  if (!process.stdout.isTTY) {
    console.log(`${text}\n`);
    return;
  }
  const lines = text.split("\n").slice(0, process.stdout.rows - 1);
  process.stdout.write(`\u001b[H${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
}
