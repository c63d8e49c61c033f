import type { EdgeOutputs } from "../../outputs.ts";
import { otherPlan, type OtherProject } from "./other-plan.ts";
import type { Plan } from "./plan.ts";
import { programPlan, type Earlier, type PlannedEdge } from "./program-plan.ts";
import { edgeProject, projectsOf, type Project } from "./projects.ts";

/**
 * What stacks ask for: of each the edge, and what other projects have for a stack of that name. Those read the outputs
 * of the edge as it is planned here.
 * @param directory where the projects lie; relative paths in config begin in the working directory
 * @param key for fingerprints of secrets
 * @param earlier of a stack's edge; see `programPlan`
 * @throws ConfigError for a config with mistakes, Error for a stack that has no file here
 */
export async function plansOf(
  stacks: readonly string[],
  directory: URL,
  key: string,
  earlier: Readonly<Record<string, Earlier>> = {},
): Promise<readonly Plan[]> {
  const edges = new Map<string, PlannedEdge>();
  const edgeOf = async (stack: string): Promise<PlannedEdge> => {
    const planned = edges.get(stack) ?? (await programPlan(stack, directory, key, earlier[stack]));
    edges.set(stack, planned);
    return planned;
  };
  const other = async (project: OtherProject, stack: string): Promise<Plan> => {
    const outputs = new Map<string, EdgeOutputs>([...edges].map(([name, edge]) => [name, edge.outputs]));
    const planned = await otherPlan(project, stack, outputs, key);
    if ("plan" in planned) return planned.plan;
    await edgeOf(planned.needs).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(
        `stack ${stack} of ${project.name} cannot be planned: it reads the outputs of ${edgeProject}/${planned.needs}, and ${why}`,
        { cause: error },
      );
    });
    return other(project, stack);
  };
  const plans: Plan[] = [];
  // One after the other: the SDK has one engine at a time.
  for (const stack of stacks) {
    const projects = projectsOf(stack, directory);
    if (projects.length === 0) await edgeOf(stack);
    for (const project of projects)
      plans.push(hasProgram(project) ? await other(project, stack) : (await edgeOf(stack)).plan);
  }
  return plans;
}

function hasProgram(project: Project): project is OtherProject {
  return project.program !== undefined;
}
