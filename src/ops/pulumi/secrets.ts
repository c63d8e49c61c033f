import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { readStackFile } from "../../config/stack-file.ts";
import type { Project } from "./project.ts";

/** A secret that the program will ask for. */
export interface RequiredSecret {
  /** Its config key, e.g. `veza-edge:sshPrivateKey`. */
  readonly path: string;
  /** What it is for, or how to make one; one line. */
  readonly hint: string;
}

/** Which secrets a stack with this config needs; decided by the config room. */
export type RequiredSecrets = (config: Readonly<Record<string, unknown>>) => readonly RequiredSecret[];

/** What to tell the person when the stack's file lacks secrets that its config needs, all of them at once. */
export function missingSecrets(
  project: Project,
  stack: string,
  required: RequiredSecrets = () => [],
): string | undefined {
  if (!existsSync(join(project.dir, `Pulumi.${stack}.yaml`))) return undefined;
  const config = readStackFile(stack, pathToFileURL(`${project.dir}/`));
  const missing = required(config).filter(({ path }) => config[path] === undefined);
  if (missing.length === 0) return undefined;
  const each = missing.map(
    ({ path, hint }) => `  ${path}: ${hint}\n    bin/pulumi config set --secret --stack ${stack} ${path}`,
  );
  return `stack ${stack} lacks ${missing.length === 1 ? "a secret" : `${missing.length} secrets`}; nothing was updated.
Set each with the command below it (the value is asked for, or read from stdin with < FILE):
${each.join("\n")}`;
}
