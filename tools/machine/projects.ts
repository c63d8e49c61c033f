import { execa } from "execa";
import { incusAnswers } from "./incus.ts";
import { runScript } from "./script.ts";

/** Names of the Incus projects that a condition holds for; none where no Incus answers. */
export async function projectsWhere(condition: (name: string) => boolean): Promise<readonly string[]> {
  if (!(await incusAnswers())) return [];
  const listed = await execa("incus", ["query", "/1.0/projects"], { stdin: "ignore", timeout: 30_000 });
  return projectNames(listed.stdout).filter(condition);
}

/** Removes projects with all that is in them: containers, volumes, images of their own. */
export async function removeProjects(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await runScript({
    name: "remove-project.sh",
    parameters: { PROJECTS: names.join(" ") },
    limitSeconds: 300,
  });
}

/** `["/1.0/projects/default", …]` → `["default", …]` */
function projectNames(answer: string): readonly string[] {
  const paths: unknown = JSON.parse(answer);
  if (!Array.isArray(paths))
    throw new TypeError(`incus answered ${answer} where a list of projects was expected`);
  return paths.map((path) => String(path).replace(/^.*\//, ""));
}
