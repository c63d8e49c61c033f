import type { Check } from "./check/index.ts";
import type { StackDiff } from "./diff.ts";
import type { Against, FileDifference } from "./difference.ts";
import { edgeProject } from "./projects.ts";

/** Words that both ways to show a difference have in common. */

/** The project that is not the edge's, behind the name of a stack. */
export function ofProject({ project }: StackDiff, quoted = project): string {
  return project === edgeProject ? "" : ` of ${quoted}`;
}

export function comparedWith(against: Against): string {
  switch (against.kind) {
    case "nothing":
      return against.because === "" ? "every file whole" : `every file whole: ${against.because}`;
    case "revision":
      return `compared with ${against.label}`;
    case "deployed":
      return "compared with what is deployed";
  }
}

export function counts({ resources }: StackDiff): string {
  const { created, updated, replaced, deleted, unchanged } = resources;
  const words: [string, number][] = [
    ["created", created.length],
    ["updated", updated.length],
    ["replaced", replaced.length],
    ["deleted", deleted.length],
  ];
  return [...words.filter(([, count]) => count > 0), ["unchanged", unchanged] as const]
    .map(([word, count]) => `${String(count)} ${word}`)
    .join(", ");
}

export function checkLine({ name, files, problems, notChecked, version }: Check): string {
  const what = `${String(files)} ${files === 1 ? "file" : "files"}`;
  if (notChecked !== undefined) return `not checked by ${name}: ${what}, because ${notChecked}`;
  const found = problems.length === 0 ? "nothing to complain about" : `${String(problems.length)} problems`;
  return `checked by ${name} ${version ?? ""}: ${what}, ${problems.length === 1 ? "1 problem" : found}`;
}

/** What is left to say of a file besides its lines. */
export function about({ patch, operation, mode }: FileDifference): string {
  const secret = patch === undefined ? [`secret, ${operation}`] : [];
  const { before, after } = mode ?? {};
  const modes =
    mode === undefined
      ? []
      : [before !== undefined && after !== undefined ? `${before} → ${after}` : (after ?? "")];
  return [...secret, ...modes.filter((word) => word !== "")].join(", ");
}

/** What a reader has to know about secrets. */
export function aboutSecrets(against: Against): string {
  return against.kind === "revision"
    ? "Secrets are not known here: what stands for them differs where another one would be made or used."
    : "Secrets are compared, and never shown.";
}
