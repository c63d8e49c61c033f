/** One mistake in a stack's config, at its place in the YAML. */
export interface Problem {
  /** E.g. `veza-edge:fleets.backend-api.instances[1].address`. */
  readonly path: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** @param project whose keys these are. @default veza-edge */
export function yamlPath(parts: readonly PropertyKey[], project = "veza-edge"): string {
  const [room = "", ...rest] = parts;
  return rest.reduce<string>(
    (path, part) => (typeof part === "number" ? `${path}[${String(part)}]` : `${path}.${String(part)}`),
    `${project}:${String(room)}`,
  );
}

/** All problems of one stack's config, for the person who edits it. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(stack: string, problems: readonly Problem[]) {
    const lines = problems.map(
      (p) => `  ${p.path}\n    ${p.message}${p.hint === undefined ? "" : `\n    → ${p.hint}`}`,
    );
    const count = problems.length === 1 ? "1 mistake" : `${String(problems.length)} mistakes`;
    super(`Pulumi.${stack}.yaml has ${count}; nothing was changed.\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}
