import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { readStackFile } from "../../config/stack-file.ts";
import type { EdgeOutputs } from "../../outputs.ts";
import type { Plan } from "./plan.ts";
import { edgeProject, type Project } from "./projects.ts";
import { planOf } from "./read-step.ts";
import { writtenBy } from "./written.ts";

/** A project that reads an edge's outputs, with its program in a module of its own. */
export type OtherProject = Project & Required<Pick<Project, "program">>;

/** A plan; or the stack of the edge whose outputs the program asks for, and has not been given. */
export type OtherPlan = { readonly plan: Plan } | { readonly needs: string };

const secret = z.strictObject({ secure: z.string() });

/**
 * Everything that a stack of another project asks for, by running its program without an engine. Its secrets are not
 * known, and are absent.
 * @param edges outputs of the edge, by its stacks' names
 * @param key for fingerprints of secrets
 * @throws what the program throws: for a config with mistakes, say
 */
export async function otherPlan(
  { name: project, directory, program }: OtherProject,
  stack: string,
  edges: ReadonlyMap<string, EdgeOutputs>,
  key: string,
): Promise<OtherPlan> {
  const needed: string[] = [];
  const failures: unknown[] = [];
  const outputsOf = (reference: string): object => {
    const watched = edgeStack(reference);
    const edge = watched === undefined ? undefined : edges.get(watched);
    if (edge === undefined) needed.push(watched ?? reference);
    return edge === undefined ? {} : { edge };
  };
  const resources = await writtenBy(
    async () => {
      pulumi.runtime.setAllConfig(asTheEngine(readStackFile(stack, directory)));
      // The same module for another stack is run again.
      await import(`${program.href}?stack=${encodeURIComponent(stack)}&run=${String(runs++)}`).catch(
        (error: unknown) => failures.push(error),
      );
    },
    {
      project,
      stack,
      answer: ({ type, name }) =>
        type === "pulumi:pulumi:StackReference" ? { outputs: outputsOf(name) } : {},
    },
  );
  const [needs] = needed;
  if (needs !== undefined) return { needs };
  if (failures.length > 0) throw failures[0];
  return { plan: planOf({ project, stack }, resources, key) };
}

let runs = 0;

/** `ORGANIZATION/PROJECT/STACK`, as StackReferences are written; undefined for another project's. */
function edgeStack(reference: string): string | undefined {
  const [stack, project] = reference.split("/").toReversed();
  return project === edgeProject ? stack : undefined;
}

/** Config as an engine hands it over: structured values are JSON texts. */
function asTheEngine(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([name, value]): [string, string][] => {
      if (secret.safeParse(value).success) return [];
      return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
    }),
  );
}
