import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

import { execa } from "execa";
import { EnvHttpProxyAgent, request } from "undici";

import { reasonOf } from "./reason.ts";

/** Limits of one download, in milliseconds. */
export interface DownloadLimits {
  /** Until a connection stands (TLS included). A host that refuses or swallows packets costs this, once. */
  readonly connect: number;
  /** Without one byte, headers included. */
  readonly silence: number;
  /** For the whole file. */
  readonly total: number;
}

export const defaultLimits: DownloadLimits = { connect: 3_000, silence: 15_000, total: 600_000 };

/** Where the vendor's releases are; `VEZA_PULUMI_RELEASES` names a mirror of the same layout. */
export function releasesUrl(env: NodeJS.ProcessEnv = process.env): string {
  return (env["VEZA_PULUMI_RELEASES"] || "https://get.pulumi.com/releases").replace(/\/+$/, "");
}

/**
 * Downloads `url`, a .tar.gz, checks it against `sha256` (hex) and unpacks it into `dir`.
 * Nothing is unpacked from a file whose checksum is not the pinned one, and the file itself is gone
 * afterwards either way. Throws with what went wrong in one line. Proxy variables are honoured.
 */
export async function downloadTarball(
  url: string,
  sha256: string,
  dir: string,
  note: (detail: string) => void,
  limits: DownloadLimits = defaultLimits,
): Promise<void> {
  const file = join(dir, "download.tar.gz");
  try {
    const got = await download(url, file, note, limits);
    if (got !== sha256) {
      throw new Error(`checksum of ${url} is ${got}, pinned is ${sha256}: not used`);
    }
    note("unpacking");
    // Numeric owners of the vendor's build machine mean nothing here.
    await execa("tar", ["-xzf", file, "-C", dir, "--no-same-owner"]);
  } finally {
    await rm(file, { force: true });
  }
}

/** Downloads to a file; returns the SHA-256 (hex) of what arrived. */
export async function download(
  url: string,
  file: string,
  note: (detail: string) => void,
  limits: DownloadLimits = defaultLimits,
): Promise<string> {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: limits.connect },
    headersTimeout: limits.silence,
    bodyTimeout: limits.silence,
  });
  const hash = createHash("sha256");
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      note(`downloading ${url}: ${(bytes / 1e6).toFixed(0)} MB`);
      done(undefined, chunk);
    },
  });
  try {
    const signal = AbortSignal.timeout(limits.total);
    const response = await request(url, { dispatcher, signal });
    if (response.statusCode !== 200) {
      await response.body.dump();
      throw new Error(`HTTP status ${response.statusCode}`);
    }
    await pipeline(response.body, count, createWriteStream(file), { signal });
    const announced = Number(response.headers["content-length"] ?? bytes);
    if (bytes !== announced) throw new Error(`cut off after ${bytes} of ${announced} bytes`);
    return hash.digest("hex");
  } catch (error) {
    const { message, code } = reasonOf(error);
    throw new DownloadError(`${url}: ${message} (after ${bytes} bytes)`, code, error);
  } finally {
    await dispatcher.destroy();
  }
}

/** A download that did not work out; `code` is the system's or undici's word for it. */
export class DownloadError extends Error {
  override name = "DownloadError";
  readonly code: string;
  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
