import { isDeepStrictEqual } from "node:util";
import { fileURLToPath } from "node:url";
import { exportedStack } from "../pulumi/exported.ts";
import { recordedResources } from "../recorded.ts";
import type { Plan, PlanResource } from "./plan.ts";
import type { Earlier } from "./program-plan.ts";
import type { Project } from "./projects.ts";
import { planOf } from "./read-step.ts";

/** A stack as it was last deployed. */
export interface Deployed {
  readonly plan: Plan;
  /** The keys and certificates that its state has, for a program that asks for the same ones; its artifacts. */
  readonly earlier: Earlier;
}

/** @returns in a few words why there is no state to be had, where there is none */
export async function deployedPlan(
  { name: project, directory }: Project,
  stack: string,
  key: string,
): Promise<Deployed | { readonly problem: string }> {
  const exported = await exportedStack(stack, fileURLToPath(directory), project);
  if ("problem" in exported) return exported;
  const recorded = recordedResources(exported.exportedState).map(({ urn, ...resource }) => ({
    ...resource,
    name: urn.split("::").at(-1) ?? urn,
  }));
  if (recorded.length === 0) return { problem: "nothing of it is deployed" };
  const keys = new Map(recorded.filter(({ type }) => type.startsWith("tls:")).map((one) => [one.name, one]));
  const plan = planOf({ project, stack }, recorded, key);
  return {
    plan,
    earlier: {
      made: ({ name, inputs }) => {
        const there = keys.get(name);
        const same = there !== undefined && isDeepStrictEqual(asked(there.inputs), asked(inputs));
        return same ? there.outputs : undefined;
      },
      artifact: (fleet) =>
        plan.steps.find(({ parameters }) => parameters["APP"] === fleet)?.parameters["ARTIFACT_SHA256"],
    },
  };
}

/** What was asked of a provider, without what the engine notes beside it. */
function asked(inputs: PlanResource["inputs"]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !name.startsWith("__")));
}
