import { createTwoFilesPatch } from "diff";
import pc from "picocolors";
import { plannedFiles, type PlannedFile } from "./planned.ts";

/** Every file of a stack, whole, as a patch against nothing: what a first deployment writes. */
export async function diffStack(stack: string, directory: URL): Promise<string> {
  const files = await plannedFiles(stack, directory);
  const containers = new Set(files.map((file) => file.container)).size;
  return [
    ...files.map(patch),
    `${String(files.length)} files in ${String(containers)} containers of stack ${stack}\n`,
  ].join("\n");
}

function patch({ container, path, mode, owner, content }: PlannedFile): string {
  const text = createTwoFilesPatch(
    "/dev/null",
    `${container}${path}`,
    "",
    content,
    "",
    `mode ${mode} owner ${owner}`,
    { context: 3 },
  );
  return text.replace(/^=+\n/, "").split("\n").map(coloured).join("\n");
}

function coloured(line: string): string {
  if (line.startsWith("+++") || line.startsWith("---")) return pc.bold(line);
  if (line.startsWith("+")) return pc.green(line);
  if (line.startsWith("-")) return pc.red(line);
  return line.startsWith("@@") ? pc.cyan(line) : line;
}
