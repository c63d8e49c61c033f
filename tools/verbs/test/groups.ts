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

/** Take longest, longest first, so they must not be the last to begin. */
const long = ["letsencrypt", "fleet", "haproxy"];

/**
 * The first word of a file's name says what its tests share, as `haproxy-push.test.ts` and `haproxy-tls.test.ts` do
 * their two containers. Tests of whole stacks (`edge-…`) share nothing: what a stack uses belongs to the lane.
 */
export function groupsOf(files: readonly string[]): readonly Group[] {
  const groups = Map.groupBy(files, (file) => /^(edge-[^.]*|[^-.]*)/.exec(file)?.[0] ?? "");
  const rank = ({ name }: Group): number => (long.includes(name) ? long.indexOf(name) : long.length);
  return [...groups].map(([name, members]) => ({ name, files: members })).sort((a, b) => rank(a) - rank(b));
}

/**
 * Runs at most `lanes` works at the same time, in their order; resolves with what each came to, in that order.
 * @param run is given the number of its lane, from 1: no other work is in it meanwhile
 */
export async function sideBySide<Work, Result>(
  lanes: number,
  works: readonly Work[],
  run: (work: Work, lane: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = works.entries();
  const inLane = async (lane: number): Promise<void> => {
    for (const [position, work] of waiting) results[position] = await run(work, lane);
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => inLane(index + 1)));
  return results;
}
