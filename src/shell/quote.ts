/**
 * Quotes one word for a POSIX shell. Safe for every string without NUL bytes.
 * @throws RangeError when the word holds a NUL byte, which no shell word can.
 */
export function quote(word: string): string {
  if (word.includes("\0")) throw new RangeError("a shell word cannot hold a NUL byte");
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Lines of quoted assignments, one per variable, in the order given. */
export function assignments(variables: Readonly<Record<string, string | number>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quote(String(value))}\n`)
    .join("");
}

/**
 * The assignments that a script made with `assignments` begins with, and what follows them.
 */
export function readAssignments(text: string): {
  readonly values: Readonly<Record<string, string>>;
  readonly rest: string;
} {
  const assignment = /([A-Za-z_][A-Za-z0-9_]*)=((?:'[^']*'(?:\\')?)+)\n/y;
  const values: Record<string, string> = {};
  let end = 0;
  for (let match = assignment.exec(text); match !== null; match = assignment.exec(text)) {
    const [, name = "", word = ""] = match;
    values[name] = word.slice(1, -1).replaceAll("'\\''", "'");
    end = assignment.lastIndex;
  }
  return { values, rest: text.slice(end) };
}

/** A here-document's delimiter that does not occur as a line of `text`. */
export function delimiterFor(text: string, base: string): string {
  const lines = new Set(text.split("\n"));
  let delimiter = base;
  for (let n = 2; lines.has(delimiter); n++) delimiter = `${base}_${String(n)}`;
  return delimiter;
}
