import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { plain } from "../recorded.ts";
import type { PlanResource } from "./plan.ts";

/** What the engine gives back for a resource beside what it was told. */
export type Answer = (resource: PlanResource) => Readonly<Record<string, unknown>>;

/**
 * Runs a program against an engine that only writes down what it is told: no backend, no passphrase, no secret, no
 * host, no network. One at a time.
 * @throws whatever the program throws
 */
export async function writtenBy(
  program: () => void | Promise<void>,
  { project, stack, answer }: { readonly project: string; readonly stack: string; readonly answer: Answer },
): Promise<readonly PlanResource[]> {
  const resources: PlanResource[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const resource = { type, name, inputs: values(inputs) };
        resources.push(resource);
        return { id: name, state: { ...resource.inputs, ...answer(resource) } };
      },
      call: ({ inputs }) => values(inputs),
    },
    project,
    stack,
    true,
  );
  await pulumi.runtime.runInPulumiStack(async () => {
    await program();
    return {};
  });
  await pulumi.runtime.disconnect();
  return resources;
}

/** What the SDK hands over, secrets in clear. */
function values(inputs: unknown): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(plain(inputs));
}
