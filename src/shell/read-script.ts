import { readFileSync } from "node:fs";

const scripts = new Map<string, string>();

/**
 * The text of a script that lies beside the module naming it: `readScript(import.meta.url, "push.sh")`. Several
 * names: one script, each part behind the one before. Without the lines that only comment it, unless it is a program
 * (`#!`), which people read where it is installed.
 */
export function readScript(moduleUrl: string, ...names: readonly string[]): string {
  return names.map((name) => textOf(moduleUrl, name)).join("");
}

function textOf(moduleUrl: string, name: string): string {
  const url = new URL(name, moduleUrl);
  const known = scripts.get(url.href);
  if (known !== undefined) return known;
  const text = withoutComments(readFileSync(url, "utf8"));
  scripts.set(url.href, text);
  return text;
}

/** What is said to hosts is kept in the stack's state, and a better word in a comment would have all of it said again. */
export function withoutComments(text: string): string {
  return text.startsWith("#!") ? text : text.replace(/^[ \t]*#.*\n/gm, "");
}
