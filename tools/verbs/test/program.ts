import { delimiter, dirname } from "node:path";
import { programFolders } from "../../machine/path.ts";

/** PATH for the programs that checks start: this very Node first, since the machine's own may be older. */
export function programEnvironment(): Readonly<Record<string, string>> {
  return { PATH: [dirname(process.execPath), ...programFolders()].join(delimiter) };
}
