import { existsSync } from "node:fs";
import { loadConfig } from "../../config/load.ts";
import { readStackFile } from "../../config/stack-file.ts";
import type { StackConfig } from "../../config/stack.ts";
import { Edge } from "../../edge.ts";
import type { EdgeOutputs } from "../../outputs.ts";
import type { Plan, PlanResource } from "./plan.ts";
import { edgeProject } from "./projects.ts";
import { planOf } from "./read-step.ts";
import { writtenBy } from "./written.ts";

/** What the provider of keys and certificates has made of such a resource; undefined where it has made none. */
export type Made = (resource: PlanResource) => Readonly<Record<string, unknown>> | undefined;

/** What is known of earlier deployments. */
export interface Earlier {
  readonly made: Made;
  /** SHA-256 of the artifact that a fleet has. */
  readonly artifact: (fleet: string) => string | undefined;
}

const noneEarlier: Earlier = { made: () => undefined, artifact: () => undefined };

/** What the edge of a stack is to be, and what it then tells others. */
export interface PlannedEdge {
  readonly plan: Plan;
  readonly outputs: EdgeOutputs;
}

/**
 * Everything that the stack's config asks for, by running the program without an engine.
 * @param directory where the stack's file lies; relative paths in it begin in the working directory
 * @param key for fingerprints of secrets
 * @param earlier without it a placeholder stands for every key, and zeros for artifacts that are not here
 * @throws ConfigError for a config with mistakes
 */
export async function programPlan(
  stack: string,
  directory: URL,
  key: string,
  { made, artifact }: Earlier = noneEarlier,
): Promise<PlannedEdge> {
  const whole = loadConfig(stack, readStackFile(stack, directory));
  const { config, notes } = withoutMissingArtifacts(whole, artifact);
  const edges: Edge[] = [];
  const resources = await writtenBy(
    () => {
      edges.push(new Edge("edge", { stack, config, secrets: {} }));
    },
    {
      project: edgeProject,
      stack,
      answer: (resource) => made(resource) ?? placeholders(resource),
    },
  );
  const [edge] = edges;
  if (edge === undefined) throw new Error(`the program of ${stack} made no edge`);
  return { plan: planOf({ project: edgeProject, stack }, resources, key, notes), outputs: edge.outputs };
}

/** Other inputs are another key or certificate. */
function placeholders({ type, name, inputs }: PlanResource): Record<string, string> {
  if (!type.startsWith("tls:")) return {};
  const text = `${name} ${JSON.stringify(inputs)}\n`;
  return { privateKeyPem: `the key ${text}`, certPem: `the certificate ${text}` };
}

const noDigest = "0".repeat(64);

/** A preview does without what is built elsewhere; an update does not. */
function withoutMissingArtifacts(
  config: StackConfig,
  deployed: Earlier["artifact"],
): { config: StackConfig; notes: readonly string[] } {
  const notes: string[] = [];
  const fleets = Object.entries(config.fleets).map(([name, fleet]): [string, typeof fleet] => {
    const { artifact } = fleet;
    if (!("path" in artifact) || artifact.sha256 !== undefined || existsSync(artifact.path))
      return [name, fleet];
    const known = deployed(name);
    const instead = known === undefined ? "zeros stand for its digest" : "taken for the one that is deployed";
    notes.push(`the artifact ${artifact.path} of ${name} is not here: ${instead}`);
    return [name, { ...fleet, artifact: { ...artifact, sha256: known ?? noDigest } }];
  });
  return { config: { ...config, fleets: Object.fromEntries(fleets) }, notes };
}
