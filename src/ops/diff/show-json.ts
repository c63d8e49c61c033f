import type { StackDiff } from "./diff.ts";

/** Raised with every change that a reader of the JSON would notice. */
const version = 2;

/** For programs. Ends with a newline. */
export function showJson(diffs: readonly StackDiff[]): string {
  return `${JSON.stringify({ version, stacks: diffs }, null, 2)}\n`;
}
