import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** PATH, and where the system keeps root's programs: not every root shell has them. */
export function programFolders(): readonly string[] {
  const onPath = (process.env["PATH"] ?? "").split(delimiter);
  const roots = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
  return [...onPath, ...roots.filter((folder) => !onPath.includes(folder))];
}

/** Where a program is; undefined when nowhere. */
export function whereIs(program: string): string | undefined {
  return programFolders()
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
