import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { repository } from "../machine/lab-stack.ts";

/** `npm run format [-- FILES]`: all files without any. */
export async function format(words: readonly string[]): Promise<number> {
  const root = fileURLToPath(repository);
  const prettier = join(root, "node_modules/prettier/bin/prettier.cjs");
  const files = words.length === 0 ? ["."] : words;
  const run = await execa(process.execPath, [prettier, "--write", ...files], {
    cwd: root,
    stdio: "inherit",
    reject: false,
  });
  return run.exitCode ?? 1;
}
