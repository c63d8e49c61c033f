import { createHash } from "node:crypto";
import { z } from "zod";
import { readContainerDocument } from "../../incus/document.ts";
import { filesOf } from "../../incus/files-body.ts";
import { readAssignments } from "../../shell/quote.ts";
import { keyed, planVersion, type Plan, type PlanOf, type PlanResource, type Step } from "./plan.ts";

const command = z.object({
  create: z.string(),
  stdin: z.string(),
  triggers: z.array(z.string()).default([]),
  logging: z.string().optional(),
  connection: z
    .object({ host: z.string(), port: z.number(), user: z.string(), hostKey: z.string().optional() })
    .optional(),
});

/** @param key for fingerprints of secrets */
export function planOf(
  { project, stack }: PlanOf,
  resources: readonly PlanResource[],
  key: string,
  notes: readonly string[] = [],
): Plan {
  const scripts: Record<string, string> = {};
  const steps = resources
    .filter(({ type }) => !/^(veza:|pulumi:)/.test(type))
    .map((resource) => stepOf(resource, key, scripts))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { version: planVersion, project, stack, steps, scripts, notes: [...notes] };
}

function stepOf(resource: PlanResource, key: string, scripts: Record<string, string>): Step {
  const { name, type } = resource;
  const empty = { name, type, said: "", triggers: [], parameters: {}, declared: [], files: [], script: "" };
  if (type.startsWith("tls:")) return { ...empty, kind: "key", parameters: valuesOf(resource) };
  if (type === "command:remote:CopyToRemote") {
    const { remotePath, triggers } = z
      .object({ remotePath: z.string(), triggers: z.array(z.string()).default([]) })
      .parse(resource.inputs);
    return { ...empty, kind: "upload", triggers, parameters: { TO: remotePath } };
  }
  const inputs = command.safeParse(resource.inputs);
  if (!inputs.success)
    return { ...empty, kind: "other", fingerprint: keyed(key, JSON.stringify(resource.inputs)) };
  const { create, stdin, triggers, logging, connection: c } = inputs.data;
  const reached =
    c === undefined
      ? "this machine"
      : `${c.user}@${c.host}:${String(c.port)} (${c.hostKey ?? "any host key"})`;
  const { script, ...about } = readDocument(stdin);
  const digest = createHash("sha256").update(script).digest("hex").slice(0, 16);
  scripts[digest] = script;
  const step = { ...empty, said: `${reached}: ${create}`, triggers, ...about, script: digest };
  if (logging !== "none") return step;
  return {
    ...step,
    parameters: {},
    files: step.files.map((file) => ({ ...file, content: keyed(key, file.content) })),
    fingerprint: keyed(key, JSON.stringify([step.parameters, step.files])),
  };
}

type About = Pick<Step, "kind" | "container" | "unit" | "parameters" | "declared" | "files"> & {
  readonly script: string;
};

/** What a document says, taken apart: parameters and files, and the shell around them. */
function readDocument(document: string): About {
  const said = readContainerDocument(document);
  if (said === undefined) {
    const { values, rest } = readAssignments(document);
    return {
      kind: kindOf(values),
      ...containerOf(values),
      parameters: values,
      declared: [],
      files: [],
      script: rest,
    };
  }
  const { values, rest } = readAssignments(said.body);
  const [, declarations = "", script = rest] =
    /^declare_files\(\) \{\n([^]*?)^:\n\}\n([^]*)$/m.exec(rest) ?? [];
  const files = filesOf(rest);
  return {
    kind: "unit",
    container: said.container,
    unit: said.unit,
    parameters: {
      ...values,
      ...(said.push === undefined ? {} : { PUSH_FROM: said.push.from, PUSH_TO: said.push.to }),
    },
    declared: declarations.split("\n").filter((line) => /^(user|directory) '/.test(line)),
    files,
    // Text after the body belongs to every unit alike.
    script: `${script}${document.slice(document.indexOf(said.body) + said.body.length)}`,
  };
}

function kindOf(values: Readonly<Record<string, string>>): Step["kind"] {
  if ("VOLUME" in values) return "volume";
  if ("CONTAINER" in values) return "COMMAND" in values ? "program" : "container";
  if ("ALIAS" in values) return "image";
  if ("DESTINATION" in values) return "artifact";
  return "GATEWAY" in values ? "project" : "other";
}

function containerOf({ CONTAINER }: Readonly<Record<string, string>>): { container?: string } {
  return CONTAINER === undefined ? {} : { container: CONTAINER };
}

/** What a key or certificate is made from, but for the key itself. */
function valuesOf({ inputs }: PlanResource): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([name]) => name !== "privateKeyPem" && !name.startsWith("__"))
      .map(([name, value]) => [name, JSON.stringify(value)]),
  );
}
