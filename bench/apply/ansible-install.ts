import { join } from "node:path";
import type { Note } from "../../tools/progress.ts";
import { installPeer } from "../install.ts";

/** Ansible as it is on this machine. */
export interface InstalledAnsible {
  readonly playbook: string;
  readonly collections: string;
  /** Of ansible-core, and of its Python. */
  readonly version: string;
}

export async function installAnsible(note: Note): Promise<InstalledAnsible> {
  const { folder, version } = await installPeer("ansible", note);
  return {
    playbook: join(folder, "bin", "ansible-playbook"),
    collections: join(folder, "collections"),
    version,
  };
}
