import { createHmac } from "node:crypto";
import { z } from "zod";

/** Raised with every change of `planSchema` that another revision could not read. */
export const planVersion = 2;

const file = z.object({
  path: z.string(),
  mode: z.string(),
  owner: z.string(),
  content: z.string(),
});

/** One resource of the program: what an update says, and to whom. */
const step = z.object({
  /** Name of the resource, e.g. `haproxy-config-apply`. */
  name: z.string(),
  /** The resource's type, e.g. `command:local:Command`. */
  type: z.string(),
  kind: z.enum([
    "project",
    "image",
    "artifact",
    "volume",
    "container",
    "unit",
    "program",
    "key",
    "upload",
    "other",
  ]),
  /** The container that it is about; absent for what concerns a host. */
  container: z.string().optional(),
  /** The unit of files that is applied in it. */
  unit: z.string().optional(),
  /** How its host is reached, and the shell that is started there. */
  said: z.string(),
  /** A change of these has it run again as a new resource. */
  triggers: z.array(z.string()),
  /** What is said besides files; nothing of it is secret. */
  parameters: z.record(z.string(), z.string()),
  /** Users and directories that a unit wants. */
  declared: z.array(z.string()),
  /** For a secret unit's files fingerprints stand. */
  files: z.array(file),
  /** The shell that does it, as a key of the plan's `scripts`. */
  script: z.string(),
  /** Of all that is said, when it is secret: by the key of this one run, so that nobody can guess from it. */
  fingerprint: z.string().optional(),
});
export type Step = z.infer<typeof step>;
export type PlannedFile = Step["files"][number];

export const planSchema = z.object({
  version: z.literal(planVersion),
  /** Name of the Pulumi project. */
  project: z.string(),
  stack: z.string(),
  /** Absent: there is no such stack in this revision. */
  steps: z.array(step),
  /** Texts of shell, by a short name for each. */
  scripts: z.record(z.string(), z.string()),
  /** What the plan had to do without, for the reader. */
  notes: z.array(z.string()),
});

/** Everything that an update of a stack would say, as plain data: made by the program, or read from a deployed stack's state. */
export type Plan = z.infer<typeof planSchema>;

/** A resource as the program registers it, or as the state has it. Secrets in clear. */
export interface PlanResource {
  readonly name: string;
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Whose plan it is. */
export type PlanOf = Pick<Plan, "project" | "stack">;

export function emptyPlan({ project, stack }: PlanOf): Plan {
  return { version: planVersion, project, stack, steps: [], scripts: {}, notes: [] };
}

/** A digest that only whoever has the key can make. */
export function keyed(key: string, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex").slice(0, 16);
}
