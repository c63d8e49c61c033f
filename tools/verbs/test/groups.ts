import { readdir } from "node:fs/promises";
import { repository } from "../../machine/lab-stack.ts";

/** Files of tests that share something of which there is one: containers, addresses, a stack. */
export interface Group {
  readonly name: string;
  /** Their names. */
  readonly files: readonly string[];
}

/** Names of the files in test/FOLDER that contain one of `parts`; all when there are none. */
export async function testFiles(folder: string, parts: readonly string[]): Promise<readonly string[]> {
  const names = await readdir(new URL(`test/${folder}/`, repository));
  return names
    .filter((name) => name.endsWith(".test.ts"))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .sort();
}

/** Takes longer than all others together, so it must not be the last to begin. */
const longest = "edge";

/** The first word of a file's name says what its tests share: `edge-life.test.ts` and `edge-changes.test.ts` a stack. */
export function groupsOf(files: readonly string[]): readonly Group[] {
  const groups = Map.groupBy(files, (file) => /^[^-.]*/.exec(file)?.[0] ?? "");
  return [...groups]
    .map(([name, members]) => ({ name, files: members }))
    .sort((a, b) => Number(b.name === longest) - Number(a.name === longest));
}

/** Runs at most `count` works at the same time, in their order; resolves with what each came to, in that order. */
export async function sideBySide<Work, Result>(
  count: number,
  works: readonly Work[],
  run: (work: Work) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = works.entries();
  const worker = async (): Promise<void> => {
    for (const [position, work] of waiting) results[position] = await run(work);
  };
  await Promise.all(Array.from({ length: count }, worker));
  return results;
}
