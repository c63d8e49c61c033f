import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { readStackFile } from "../../config/stack-file.ts";
import { field, type Project } from "./project.ts";

/** A secret that the program will ask for. */
export interface RequiredSecret {
  /** Its config key, e.g. `veza-edge:sshPrivateKey`. */
  readonly path: string;
  /** What it is for, and what would do instead; one line. */
  readonly hint: string;
}

/** The secrets that a stack with this config cannot be updated without, given what this shell offers. */
export function requiredSecrets(
  config: Readonly<Record<string, unknown>>,
  env: Readonly<NodeJS.ProcessEnv>,
): readonly RequiredSecret[] {
  const hosts = config["veza-edge:hosts"];
  const overSsh = Object.entries(typeof hosts === "object" && hosts !== null ? hosts : {})
    .filter(([, host]) => field(host, "connection") === "ssh")
    .map(([name]) => name);
  const agent = env["SSH_AUTH_SOCK"];
  if (overSsh.length === 0 || (agent !== undefined && existsSync(agent))) return [];
  return [
    {
      path: "veza-edge:sshPrivateKey",
      hint: `the key that may log in to ${overSsh.join(", ")}; a running ssh-agent that has it does instead`,
    },
  ];
}

/** What to tell the person when the stack's file lacks secrets that its config needs, all of them at once. */
export function missingSecrets(
  project: Project,
  stack: string,
  env: Readonly<NodeJS.ProcessEnv>,
): string | undefined {
  if (!existsSync(join(project.dir, `Pulumi.${stack}.yaml`))) return undefined;
  const config = readStackFile(stack, pathToFileURL(`${project.dir}/`));
  const missing = requiredSecrets(config, env).filter(({ path }) => config[path] === undefined);
  if (missing.length === 0) return undefined;
  const each = missing.map(
    ({ path, hint }) =>
      `  ${path}: ${hint}\n    bin/pulumi config set --stack ${stack} --secret ${path} < FILE`,
  );
  const what = missing.length === 1 ? "a secret" : `${String(missing.length)} secrets`;
  return `stack ${stack} lacks ${what}; nothing was updated. Set what is missing:\n${each.join("\n")}`;
}
