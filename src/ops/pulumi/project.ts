import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { bareName } from "./arguments.ts";

export interface Project {
  readonly name: string;
  /** Its folder, absolute. */
  readonly dir: string;
  /** Its Pulumi.yaml, absolute. */
  readonly file: string;
}

/** The project that Pulumi would find from `cwd`: the nearest Pulumi.yaml upwards. */
export function findProject(cwd: string): Project | undefined {
  for (let dir = cwd; ; dir = dirname(dir)) {
    const file = join(dir, "Pulumi.yaml");
    if (existsSync(file)) {
      const name = /^name:[ \t]*(?:"([^"]+)"|'([^']+)'|(\S+))/m.exec(readFileSync(file, "utf8"));
      return { name: name?.[1] ?? name?.[2] ?? name?.[3] ?? "", dir, file };
    }
    if (dir === dirname(dir)) return undefined;
  }
}

/** The stack that Pulumi takes where a call names none, by its bare name: `PULUMI_STACK`, else what `stack select` chose. */
export function selectedStack(
  env: Readonly<NodeJS.ProcessEnv>,
  pulumiHome: string,
  project: Project,
): string | undefined {
  const said = bareName(env["PULUMI_STACK"]);
  if (said !== undefined) return said;
  const id = createHash("sha1").update(project.file).digest("hex");
  const file = join(pulumiHome, "workspaces", `${project.name}-${id}-workspace.json`);
  if (!existsSync(file)) return undefined;
  const workspace: unknown = JSON.parse(readFileSync(file, "utf8"));
  const stack = field(workspace, "stack");
  return typeof stack === "string" ? bareName(stack) : undefined;
}

/** The backend that `pulumi login` chose, from the user's credentials. */
export function loggedInTo(credentialsDir: string): string | undefined {
  const file = join(credentialsDir, "credentials.json");
  if (!existsSync(file)) return undefined;
  const current = field(JSON.parse(readFileSync(file, "utf8")), "current");
  return typeof current === "string" && current !== "" ? current : undefined;
}

export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
