import { existsSync, readFileSync } from "node:fs";

/** Bytes of a buffer that HAProxy keeps for headers (`tune.maxrewrite`). It warns of a page that needs some of them. */
const reservedBytes = 1_024;

/** @returns the page with a line break at its end; undefined when there is no such file */
export function readMaintenancePage(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** Bytes that a page may have: HAProxy answers with it out of one buffer. */
export function longestPage(limits: { readonly headerBytes: number }): number {
  return limits.headerBytes - reservedBytes;
}
