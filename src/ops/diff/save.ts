import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StackDiff } from "./diff.ts";
import { showJson } from "./show-json.ts";
import { fenced, showMarkdown } from "./show-markdown.ts";

/** Characters for a comment: 65,536 are the most on the stricter of the servers, and one line is the poster's own. */
export const commentCharacters = 65_000;

/** Writes a preview for those who come later: whole, short enough for a comment, and for programs. */
export async function save(folder: string, diffs: readonly StackDiff[]): Promise<void> {
  await write(folder, {
    "preview.md": showMarkdown(diffs),
    "comment.md": showMarkdown(diffs, commentCharacters),
    "preview.json": showJson(diffs),
  });
}

/** Instead of a preview: why there is none. */
export async function saveError(folder: string, error: unknown): Promise<void> {
  const said = error instanceof Error ? error.message : String(error);
  const text = `### No preview\n\n${fenced("", said.slice(0, commentCharacters - 100))}\n`;
  await write(folder, { "preview.md": text, "comment.md": text });
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
}
