/**
 * One `NAME="value"` line of a systemd EnvironmentFile (systemd.exec(5)). Between double quotes a backslash escapes
 * `"`, `\`, backtick and `$`, and newlines stand for themselves; nothing is expanded.
 */
export function environmentLine(name: string, value: string): string {
  return `${name}="${value.replace(/["\\`$]/g, "\\$&")}"\n`;
}

/**
 * Words of an ExecStart line (systemd.service(5)), each quoted where it has to be. `$` and `%` stand for themselves:
 * systemd would replace variables and specifiers otherwise.
 */
export function commandLine(words: readonly string[]): string {
  return words.map(commandWord).join(" ");
}

function commandWord(word: string): string {
  const literal = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  if (/^[A-Za-z0-9_./:=@,+%$-]+$/.test(literal)) return literal;
  return `"${literal.replace(/["\\]/g, "\\$&")}"`;
}
