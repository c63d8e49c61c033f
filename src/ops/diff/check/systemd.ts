import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CannotCheck, said, type Checker, type Problem } from "./checker.ts";

const directory = "/etc/systemd/system";
/** Programs there are ours: the plan brings them, or nobody does. */
const ownPrograms = "/usr/local/lib/veza/";

/** Units and drop-ins, as systemd reads them. What the image brings (programs, other units) is not here to be looked at. */
export const systemdChecker: Checker = {
  name: "systemd",
  program: "systemd-analyze",
  versionWords: ["--version"],
  // RestartSteps and RestartMaxDelaySec are of this version.
  minimum: [254, 0],
  install: "Debian 13's package systemd",
  matches: ({ path }) => path.startsWith(`${directory}/`),
  async problems({ container, root, files, checked }, limitMs) {
    const units = new Set<string>();
    for (const { path } of checked) {
      const [, unit] = /^\/etc\/systemd\/system\/(.+)\.d\/[^/]+\.conf$/.exec(path) ?? [];
      units.add(unit ?? basename(path));
      const file = join(root, directory, unit ?? "");
      if (unit !== undefined && !existsSync(file)) await writeFile(file, "[Service]\nExecStart=/bin/true\n");
    }
    const { text, ok } = await said("systemd-analyze", ["verify", "--man=no", ...units], limitMs, {
      // What is not found there is looked for where systemd always looks.
      SYSTEMD_UNIT_PATH: `${join(root, directory)}:`,
      SYSTEMD_LOG_LEVEL: "warning",
    });
    if (!ok && text === "") throw new CannotCheck("systemd-analyze verify failed, and said nothing");
    const brought = new Set(files.map(({ path }) => path));
    return text
      .replaceAll(root, "")
      .split("\n")
      .filter((line) => line !== "" && !isOfTheImage(line, brought))
      .map((line) => problemOf(line, container));
  },
};

function isOfTheImage(line: string, brought: ReadonlySet<string>): boolean {
  const [, program] = /: Command (\S+) is not executable: /.exec(line) ?? [];
  if (program === undefined) return false;
  return !program.startsWith(ownPrograms) || brought.has(program);
}

function problemOf(line: string, container: string): Problem {
  const [, path = "", number, message = line] = /^(\S+?):(?:(\d+):)?\s*(.*)$/.exec(line) ?? [];
  const full = path.startsWith("/") ? path : `${directory}/${path}`;
  return { container, path: full, ...(number !== undefined && { line: Number(number) }), message };
}
