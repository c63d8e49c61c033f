import { execa } from "execa";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDir } from "../tools/toolchain/versions.ts";
import type { Note } from "../tools/progress.ts";

/**
 * Has a peer's `bench/NAME/install.sh` put it into the user's cache, from PyPI; once.
 * @returns the folder that it is in, and what it says its versions are
 */
export async function installPeer(
  name: string,
  note: Note,
): Promise<{ readonly folder: string; readonly version: string }> {
  const script = fileURLToPath(new URL(`${name}/install.sh`, import.meta.url));
  const folder = join(cacheDir(), "bench", name);
  const { stdout } = await execa("bash", [script, folder], { stdin: "ignore", timeout: 600_000 });
  note(stdout);
  return { folder, version: stdout };
}
