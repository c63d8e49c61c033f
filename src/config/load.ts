import type { z } from "zod";
import { crossChecks } from "./checks.ts";
import { ConfigError, yamlPath, type Problem } from "./problem.ts";
import { sketchSchema } from "./sketch.ts";
import { stackSchema, type StackConfig } from "./stack.ts";

/** Keys whose values are secrets: they are read one by one where they are used, never with the rest. */
export const secretKeys: readonly string[] = ["sshPrivateKey"];

const edge: ConfigOf = { project: "veza-edge", reference: "docs/Pulumi.example.yaml" };

/**
 * Parses a stack's whole config at once.
 * @param raw every config key of the stack, `veza-edge:…` ones with their values as plain data
 * @throws ConfigError that lists every mistake with its YAML path
 */
export function loadConfig(stack: string, raw: Readonly<Record<string, unknown>>): StackConfig {
  const rooms = ownKeys(raw, edge.project);
  const parsed = stackSchema.safeParse(rooms);
  const within = parsed.success ? [] : problemsIn(parsed.error, edge);
  const between = crossChecks(sketchSchema.parse(rooms));
  // What is wrong within a room is said once, by the room.
  const problems = [
    ...within,
    ...between.filter(
      ({ path }) => !within.some((other) => contains(path, other.path) || contains(other.path, path)),
    ),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(stack, problems);
  return parsed.data;
}

/** Whose config it is: the Pulumi project, and the document that shows every key. */
export interface ConfigOf {
  readonly project: string;
  readonly reference: string;
}

/** A project's own keys without its name in front, and without those whose values are secrets. */
export function ownKeys(raw: Readonly<Record<string, unknown>>, project: string): Record<string, unknown> {
  const own = Object.entries(raw).flatMap(([key, value]): [string, unknown][] =>
    key.startsWith(`${project}:`) ? [[key.slice(project.length + 1), value]] : [],
  );
  return Object.fromEntries(own.filter(([key]) => !secretKeys.includes(key)));
}

/** What a schema has to say, in the words and with the paths of whoever writes the YAML. */
export function problemsIn(error: z.ZodError, of: ConfigOf): Problem[] {
  return error.issues.flatMap((issue) => problemOf(issue, of));
}

/** Whether one place in the YAML is, or lies in, another. */
function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}

function problemOf(issue: z.core.$ZodIssue, of: ConfigOf, outer: readonly PropertyKey[] = []): Problem[] {
  const at = [...outer, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: yamlPath([...at, key], of.project),
      message: "this key is not known",
      hint: `check its spelling and indentation; ${of.reference} shows every key`,
    }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The alternative that came closest is the one that was meant.
    const [closest = []] = [...issue.errors].sort((a, b) => mistakes(a) - mistakes(b));
    return closest.flatMap((inner) => problemOf(inner, of, at));
  }
  return [{ path: yamlPath(at, of.project), message: messageOf(issue) }];
}

/** Zod's own words, but for the most frequent mistakes. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return "is missing";
  const isNumber = "origin" in issue && ["number", "int"].includes(issue.origin);
  if (issue.code === "too_small" && isNumber) return `must be at least ${String(issue.minimum)}`;
  if (issue.code === "too_big" && isNumber) return `must be at most ${String(issue.maximum)}`;
  return issue.message;
}

/** A key that an alternative does not know speaks against it more than a wrong value. */
function mistakes(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce(
    (sum, issue) => sum + (issue.code === "unrecognized_keys" ? 10 * issue.keys.length : 1),
    0,
  );
}
