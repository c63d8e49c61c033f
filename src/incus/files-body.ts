import { assignments, delimiterFor, quote } from "../shell/quote.ts";
import { readScript } from "../shell/read-script.ts";
import type { FileSpec } from "./file-spec.ts";

/** A system user that has to exist before files can belong to it. */
export interface UserSpec {
  readonly name: string;
  readonly home: string;
}

/** A directory with its own mode and owner; parents of files are made 0755 root:root otherwise. */
export interface DirectorySpec {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
}

/** A set of files that is applied together, and what happens with them. */
export interface FilesSpec {
  /** Name of the unit, unique within its container: lower-case letters, digits and dashes. */
  readonly unit: string;
  readonly users?: readonly UserSpec[];
  readonly directories?: readonly DirectorySpec[];
  readonly files: readonly FileSpec[];
  /**
   * Shell that defines `follow_up` (see files.sh), and its parameters.
   * @default the files are put in place, and nothing else happens
   */
  readonly followUp?: {
    readonly script: string;
    readonly parameters?: Readonly<Record<string, string | number>>;
  };
}

/**
 * The script that applies a unit inside its container, as `bash -euo pipefail -s apply|delete` reads it.
 * What a reviewer wants to see comes first: parameters and files; the machinery follows.
 * @param generation of the container, so that the text that filled one container is never taken for that of its successor
 * @throws RangeError for content that does not end with a newline, holds a NUL byte, or a path listed twice.
 */
export function filesBody(spec: FilesSpec, generation = ""): string {
  const seen = new Set<string>();
  for (const file of spec.files) {
    if (!file.content.endsWith("\n"))
      throw new RangeError(`${file.path}: the content must end with a newline`);
    if (file.content.includes("\0")) throw new RangeError(`${file.path}: the content holds a NUL byte`);
    if (seen.has(file.path)) throw new RangeError(`${file.path}: listed twice`);
    seen.add(file.path);
  }
  return [
    assignments({ UNIT: spec.unit, ...spec.followUp?.parameters, CONTAINER_GENERATION: generation }),
    "declare_files() {\n",
    ...(spec.users ?? []).map((user) => `user ${quote(user.name)} ${quote(user.home)}\n`),
    ...(spec.directories ?? []).map((d) => `directory ${quote(d.path)} ${quote(d.mode)} ${quote(d.owner)}\n`),
    ...spec.files.map(fileStatement),
    ":\n}\n",
    spec.followUp?.script ?? readScript(import.meta.url, "place.sh"),
    readScript(import.meta.url, "files.sh"),
    'unit_main "$@"\n',
  ].join("");
}

function fileStatement(file: FileSpec): string {
  const delimiter = delimiterFor(file.content, "END_OF_FILE");
  const words = [file.path, file.mode, file.owner].map(quote).join(" ");
  return `file ${words} <<'${delimiter}'\n${file.content}${delimiter}\n`;
}

/** The directories and users in a script made by `filesBody`. */
export function declaredIn(body: string): {
  readonly directories: readonly DirectorySpec[];
  readonly users: readonly UserSpec[];
} {
  // Before the first file: what follows may be any text.
  const [head = ""] = body.slice(body.indexOf("\ndeclare_files() {\n")).split(/^file '/m);
  const directories = [...head.matchAll(/^directory '([^']*)' '([^']*)' '([^']*)'$/gm)];
  const users = [...head.matchAll(/^user '([^']*)' '([^']*)'$/gm)];
  return {
    directories: directories.map(([, path = "", mode = "", owner = ""]) => ({ path, mode, owner })),
    users: users.map(([, name = "", home = ""]) => ({ name, home })),
  };
}

const statement = /^file '([^']*)' '([^']*)' '([^']*)' <<'([A-Z_0-9]+)'$/;

/** The files in a script made by `filesBody`: what a diff and a drift check show. */
export function filesOf(body: string): FileSpec[] {
  const files: FileSpec[] = [];
  const lines = body.split("\n");
  for (let n = 0; n < lines.length; n++) {
    const match = statement.exec(lines[n] ?? "");
    if (!match) continue;
    const [, path = "", mode = "", owner = "", delimiter = ""] = match;
    const end = lines.indexOf(delimiter, n + 1);
    if (end < 0) continue;
    const text = lines.slice(n + 1, end);
    files.push({ path, mode, owner, content: text.length === 0 ? "" : `${text.join("\n")}\n` });
    n = end;
  }
  return files;
}
