/** Where requests and connections are logged, a line of JSON each; older files have a number behind that name. */
export const accessLog = "/var/log/haproxy/access.log";

/** How many files there are at most beside the one that is written. */
const older = 15;

/** @param keepMiB MiB of all files together */
export function accessLogFiles(keepMiB: number): { readonly older: number; readonly bytes: number } {
  return { older, bytes: Math.floor((keepMiB * 1024 * 1024) / (older + 1)) };
}
