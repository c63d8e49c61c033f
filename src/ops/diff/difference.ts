import { structuredPatch } from "diff";
import { compare, type Change, type FileChange, type Operation } from "./compare.ts";
import { containerConsequences, hostConsequences, type Consequence } from "./consequences/index.ts";
import type { Plan, PlannedFile } from "./plan.ts";

/** What a stack's config is compared with. */
export type Against =
  | { readonly kind: "nothing"; readonly because: string }
  | { readonly kind: "revision"; readonly label: string }
  | { readonly kind: "deployed" };

/** How what the config asks for differs from something else, for one stack of one project. */
export interface Difference {
  /** Name of the Pulumi project. */
  readonly project: string;
  readonly stack: string;
  readonly against: Against;
  readonly containers: readonly ContainerDifference[];
  /** About hosts: images, volumes, artifacts, keys. */
  readonly hosts: readonly Consequence[];
  /** Shell that does the same in another way, each once. */
  readonly scripts: readonly ScriptDifference[];
  /** Resources that the engine works on. */
  readonly resources: Readonly<Record<Operation, readonly string[]>> & { readonly unchanged: number };
  readonly notes: readonly string[];
}

export interface ContainerDifference {
  readonly container: string;
  readonly operation: Operation;
  readonly consequences: readonly Consequence[];
  readonly files: readonly FileDifference[];
}

export interface FileDifference {
  readonly path: string;
  readonly operation: FileChange["operation"];
  /** Unified, without a heading; absent for secrets. */
  readonly patch?: string;
  readonly linesAdded: number;
  readonly linesRemoved: number;
  /** `0644 root:root`, when it differs from before. */
  readonly mode?: { readonly before?: string; readonly after?: string };
}

export interface ScriptDifference {
  /** Resources that it applies. */
  readonly applies: readonly string[];
  readonly patch: string;
  readonly linesAdded: number;
  readonly linesRemoved: number;
}

export function difference(before: Plan, after: Plan, against: Against): Difference {
  const { changes, unchanged } = compare(before, after);
  const names = [...new Set(changes.flatMap((change) => containerOf(change) ?? []))].sort();
  const named = (operation: Operation): string[] =>
    changes.filter((change) => change.operation === operation).map(({ name }) => name);
  return {
    project: after.project,
    stack: after.stack,
    against,
    containers: names.map((container) => {
      const own = changes.filter((change) => containerOf(change) === container);
      return {
        container,
        operation: own.find(isContainer)?.operation ?? "updated",
        consequences: containerConsequences(own, { before, after }),
        files: own.flatMap(fileDifferences),
      };
    }),
    hosts: hostConsequences(changes.filter((change) => containerOf(change) === undefined)),
    scripts: scriptDifferences(changes, before, after),
    resources: {
      created: named("created"),
      updated: named("updated"),
      replaced: named("replaced"),
      deleted: named("deleted"),
      unchanged,
    },
    notes: after.notes,
  };
}

/** Whether an update would have anything to do. */
export function isDifferent({ resources }: Difference): boolean {
  const { created, updated, replaced, deleted } = resources;
  return created.length + updated.length + replaced.length + deleted.length > 0;
}

function containerOf({ before, after }: Change): string | undefined {
  return (after ?? before)?.container;
}

function isContainer({ before, after }: Change): boolean {
  return (after ?? before)?.kind === "container";
}

/** A container's definition is shown as the file that it is to Incus. */
const definition = "(definition)";

function fileDifferences(change: Change): FileDifference[] {
  const { before, after } = change;
  const secret = (after ?? before)?.fingerprint !== undefined;
  const [was, is] = [before?.parameters["DEFINITION"], after?.parameters["DEFINITION"]];
  const own: FileDifference[] =
    was === is ? [] : [patched({ path: definition, operation: operationOf(was, is), ...texts(was, is) })];
  return [...own, ...change.files.map(secret ? masked : patched)];
}

function masked({ path, operation }: FileChange): FileDifference {
  return { path, operation, linesAdded: 0, linesRemoved: 0 };
}

function operationOf(before: string | undefined, after: string | undefined): FileChange["operation"] {
  if (before === undefined) return "added";
  return after === undefined ? "removed" : "changed";
}

function texts(before: string | undefined, after: string | undefined): Pick<FileChange, "before" | "after"> {
  const file = (content: string): PlannedFile => ({
    path: definition,
    mode: "",
    owner: "",
    content: `${content}\n`,
  });
  return {
    ...(before !== undefined && { before: file(before) }),
    ...(after !== undefined && { after: file(after) }),
  };
}

function patched({ path, operation, before, after }: FileChange): FileDifference {
  const [was, is] = [before, after].map((file) =>
    file === undefined || file.mode === "" ? undefined : `${file.mode} ${file.owner}`,
  );
  return {
    path,
    operation,
    ...unified(before?.content ?? "", after?.content ?? ""),
    ...(was === is
      ? {}
      : { mode: { ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) } }),
  };
}

function unified(
  before: string,
  after: string,
): Required<Pick<FileDifference, "patch" | "linesAdded" | "linesRemoved">> {
  const { hunks } = structuredPatch("", "", before, after, "", "", { context: 3 });
  const lines = hunks.flatMap(({ lines }) => lines);
  // As diff(1) counts: nothing is after the line before it.
  const range = (start: number, length: number): string =>
    `${String(length === 0 ? start - 1 : start)},${String(length)}`;
  return {
    patch: hunks
      .map((hunk) =>
        [
          `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`,
          ...hunk.lines,
        ].join("\n"),
      )
      .join("\n"),
    linesAdded: lines.filter((line) => line.startsWith("+")).length,
    linesRemoved: lines.filter((line) => line.startsWith("-")).length,
  };
}

/** Scripts of resources that stay; with a new resource its script is new, too, and nobody wants to read that here. */
function scriptDifferences(changes: readonly Change[], before: Plan, after: Plan): ScriptDifference[] {
  const changed = changes.filter(({ script }) => script);
  const pairs = Map.groupBy(
    changed,
    (change) => `${change.before?.script ?? ""} ${change.after?.script ?? ""}`,
  );
  return [...pairs].map(([pair, same]) => {
    const [was = "", is = ""] = pair.split(" ");
    return {
      applies: same.map(({ name }) => name),
      ...unified(before.scripts[was] ?? "", after.scripts[is] ?? ""),
    };
  });
}
