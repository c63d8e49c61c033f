import { execa } from "execa";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Note } from "../../tools/progress.ts";

/** Patroni as it is on this machine. */
export interface InstalledPatroni {
  /** Folder that Python finds it in. */
  readonly packages: string;
  /** `Patroni 4.1.5` */
  readonly version: string;
}

const script = fileURLToPath(new URL("../patroni/install.sh", import.meta.url));

/** Into the user's cache, from PyPI; once. */
export async function installPatroni(note: Note): Promise<InstalledPatroni> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "veza-edge", "bench", "patroni");
  const { stdout } = await execa("bash", [script, folder], { stdin: "ignore", timeout: 600_000 });
  note(stdout);
  return { packages: join(folder, "packages"), version: stdout };
}
