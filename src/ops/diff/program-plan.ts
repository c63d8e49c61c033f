import * as pulumi from "@pulumi/pulumi";
import { existsSync } from "node:fs";
import { z } from "zod";
import { loadConfig } from "../../config/load.ts";
import { readStackFile } from "../../config/stack-file.ts";
import type { StackConfig } from "../../config/stack.ts";
import { Edge } from "../../edge.ts";
import { plain } from "../recorded.ts";
import type { Plan, PlanResource } from "./plan.ts";
import { planOf } from "./read-step.ts";

/** What the provider of keys and certificates has made of such a resource; undefined where it has made none. */
export type Made = (resource: PlanResource) => Readonly<Record<string, unknown>> | undefined;

/** What is known of earlier deployments. */
export interface Earlier {
  readonly made: Made;
  /** SHA-256 of the artifact that a fleet has. */
  readonly artifact: (fleet: string) => string | undefined;
}

const noneEarlier: Earlier = { made: () => undefined, artifact: () => undefined };

/**
 * Everything that the stack's config asks for, by running the program against an engine that only writes down what
 * it is told: no backend, no passphrase, no secret, no host, no network.
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
): Promise<Plan> {
  const whole = loadConfig(stack, readStackFile(stack, directory));
  const { config, notes } = withoutMissingArtifacts(whole, artifact);
  const resources: PlanResource[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const resource = { type, name, inputs: values(inputs) };
        resources.push(resource);
        return { id: name, state: { ...resource.inputs, ...(made(resource) ?? placeholders(resource)) } };
      },
      call: ({ inputs }) => values(inputs),
    },
    "veza-edge",
    stack,
    true,
  );
  await pulumi.runtime.runInPulumiStack(() => {
    new Edge("edge", { stack, config, secrets: {} });
    return Promise.resolve({});
  });
  await pulumi.runtime.disconnect();
  return planOf(stack, resources, key, notes);
}

/** What the SDK hands over, secrets in clear. */
function values(inputs: unknown): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(plain(inputs));
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
