import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/**
 * SHA-256 of a file, lower-case hex.
 * @throws pulumi.RunError when it is not there
 */
export function fileDigest(path: string): string {
  if (!existsSync(path)) {
    throw new pulumi.RunError(
      `artifact ${path} is not there. Nothing was changed. Build it first (the lab's are bundled by npm run lab)`,
    );
  }
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
