import { execa } from "execa";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Note } from "../../tools/progress.ts";

/** Ansible as it is on this machine. */
export interface InstalledAnsible {
  readonly playbook: string;
  readonly collections: string;
  /** Of ansible-core, and of its Python. */
  readonly version: string;
}

const script = fileURLToPath(new URL("../ansible/install.sh", import.meta.url));

/** Into the user's cache, from PyPI; once. */
export async function installAnsible(note: Note): Promise<InstalledAnsible> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "veza-edge", "bench", "ansible");
  const { stdout } = await execa("bash", [script, folder], { stdin: "ignore", timeout: 600_000 });
  note(stdout);
  return {
    playbook: join(folder, "bin", "ansible-playbook"),
    collections: join(folder, "collections"),
    version: stdout,
  };
}
