import { execa } from "execa";
import type { PlannedFile } from "../plan.ts";

/** A rendered file that a program has something to say about. */
export interface Problem {
  readonly container: string;
  /** Path in the container. */
  readonly path: string;
  readonly line?: number;
  /** The program's own words, and what they are about. */
  readonly message: string;
}

/** The files of one container, in a folder of their own as they will lie there. */
export interface Laid {
  readonly container: string;
  /** The folder that stands for the container's `/`. */
  readonly root: string;
  /** All that the plan puts there and is not secret. */
  readonly files: readonly PlannedFile[];
  /** Those of them that are to be checked. */
  readonly checked: readonly PlannedFile[];
}

/** A program that reads rendered files as it will in the container. */
export interface Checker {
  /** For the reader, e.g. `HAProxy`. */
  readonly name: string;
  readonly program: string;
  /** Words that have it say its version. */
  readonly versionWords: readonly string[];
  /** Older ones do not know all that is rendered. Absent: any will do. */
  readonly minimum?: readonly [major: number, minor: number];
  /** Where it comes from, when it is missing. */
  readonly install: string;
  matches(file: PlannedFile): boolean;
  /** @throws CannotCheck when something else is missing */
  problems(laid: Laid, limitMs: number): Promise<readonly Problem[]>;
}

/** A check needs something that is not there. */
export class CannotCheck extends Error {}

/** What a program printed, both streams in one; which status it ended with is for the caller to judge. */
export async function said(
  program: string,
  words: readonly string[],
  limitMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly text: string; readonly ok: boolean }> {
  const ended = await execa(program, words, {
    all: true,
    reject: false,
    stdin: "ignore",
    timeout: limitMs,
    env: { LC_ALL: "C", ...env },
  });
  if (ended.timedOut) throw new CannotCheck(`${program} did not end within ${String(limitMs / 1_000)} s`);
  return { text: ended.all, ok: !ended.failed };
}
