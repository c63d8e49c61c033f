import { execa } from "execa";
import { whereIs } from "./path.ts";

/** What of the caller's environment the same program needs when sudo starts it again. */
const kept =
  /^(PATH|CI|NO_COLOR|FORCE_COLOR|TERM|XDG_\w+|PULUMI_\w+|VEZA_\w+|(https?|no)_proxy|npm_config_\w+)$/i;

/**
 * Runs this program again through sudo where the user is not root; resolves with its exit code, or with undefined
 * where there is nothing to do: already root, or no sudo that would let this user
 * (preflight then says what is needed).
 * Sudo asks for a password only on a terminal, and keeps root's own home, so no file of the user's changes hands.
 */
export async function asRoot(words: readonly string[]): Promise<number | undefined> {
  if (process.getuid?.() === 0 || whereIs("sudo") === undefined) return undefined;
  if (
    !process.stdin.isTTY &&
    (await execa("sudo", ["--non-interactive", "true"], { reject: false })).failed
  ) {
    return undefined;
  }
  const names = Object.keys(process.env).filter((name) => kept.test(name));
  const preserved = `--preserve-env=${names.join(",")}`;
  const run = await execa("sudo", ["--set-home", preserved, "--", process.execPath, ...words], {
    stdio: "inherit",
    reject: false,
  });
  return run.exitCode ?? 1;
}

/** What stands before a command that the user types next. */
export function sudoPrefix(): string {
  return process.env["SUDO_USER"] === undefined ? "" : "sudo ";
}
