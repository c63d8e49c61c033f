import type { Plan, PlannedFile, Step } from "./plan.ts";

/** What an update does with a resource, as its engine would say it. */
export type Operation = "created" | "updated" | "replaced" | "deleted";

/** One resource that an update has something to do with. */
export interface Change {
  readonly name: string;
  readonly operation: Operation;
  /** Absent when it is created. */
  readonly before?: Step;
  /** Absent when it is deleted. */
  readonly after?: Step;
  readonly files: readonly FileChange[];
  /** Names of parameters that differ; none when it is created or deleted. */
  readonly parameters: readonly string[];
  /** The shell that does it is another one. */
  readonly script: boolean;
  /** What is secret in it differs. */
  readonly secret: boolean;
}

export interface FileChange {
  readonly path: string;
  readonly operation: "added" | "changed" | "removed";
  readonly before?: PlannedFile;
  readonly after?: PlannedFile;
}

/** How two plans of one stack differ. */
export interface Comparison {
  readonly changes: readonly Change[];
  readonly unchanged: number;
}

/** What has to be done to get from one plan to the other. */
export function compare(before: Plan, after: Plan): Comparison {
  const old = new Map(before.steps.map((step) => [step.name, step]));
  const now = new Map(after.steps.map((step) => [step.name, step]));
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const changes = names.flatMap((name) => change(name, old.get(name), now.get(name)) ?? []);
  return { changes, unchanged: names.length - changes.length };
}

function change(name: string, before: Step | undefined, after: Step | undefined): Change | undefined {
  const files = fileChanges(before?.files ?? [], after?.files ?? []);
  if (before === undefined || after === undefined) {
    return {
      name,
      operation: before === undefined ? "created" : "deleted",
      ...(before && { before }),
      ...(after && { after }),
      files,
      parameters: [],
      script: false,
      secret: false,
    };
  }
  const parameters = differingKeys(before.parameters, after.parameters);
  const script = before.script !== after.script;
  const secret = before.fingerprint !== after.fingerprint;
  const replaced =
    before.type !== after.type || !sameList(before.triggers, after.triggers) || isMadeAnew(after, parameters);
  const same =
    !script &&
    !secret &&
    before.said === after.said &&
    sameList(before.declared, after.declared) &&
    files.length + parameters.length === 0;
  if (!replaced && same) return undefined;
  return {
    name,
    operation: replaced ? "replaced" : "updated",
    before,
    after,
    files,
    parameters,
    script,
    secret,
  };
}

/** A key or certificate is never changed. */
function isMadeAnew({ kind }: Step, parameters: readonly string[]): boolean {
  return kind === "key" && parameters.length > 0;
}

function fileChanges(before: readonly PlannedFile[], after: readonly PlannedFile[]): FileChange[] {
  const old = new Map(before.map((file) => [file.path, file]));
  const now = new Map(after.map((file) => [file.path, file]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path): FileChange[] => {
    const [was, is] = [old.get(path), now.get(path)];
    if (was === undefined) return [{ path, operation: "added", ...(is && { after: is }) }];
    if (is === undefined) return [{ path, operation: "removed", before: was }];
    const same = was.content === is.content && was.mode === is.mode && was.owner === is.owner;
    return same ? [] : [{ path, operation: "changed", before: was, after: is }];
  });
}

function differingKeys(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
