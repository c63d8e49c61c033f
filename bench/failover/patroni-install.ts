import { join } from "node:path";
import type { Note } from "../../tools/progress.ts";
import { installPeer } from "../install.ts";

/** Patroni as it is on this machine. */
export interface InstalledPatroni {
  /** Folder that Python finds it in. */
  readonly packages: string;
  /** `Patroni 4.1.5` */
  readonly version: string;
}

export async function installPatroni(note: Note): Promise<InstalledPatroni> {
  const { folder, version } = await installPeer("patroni", note);
  return { packages: join(folder, "packages"), version };
}
