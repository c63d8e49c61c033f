import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { homeId, toolchainDir } from "../../../tools/toolchain/find.ts";
import { projectDirectory } from "../stack.ts";
import { findProject, selectedStack } from "./project.ts";

/** The stack of a call that names none: that of `PULUMI_STACK`, else the one that `bin/pulumi stack select` chose. */
export function chosenStack(): string | undefined {
  const project = findProject(fileURLToPath(projectDirectory));
  return project && selectedStack(process.env, join(toolchainDir(), homeId()), project);
}
