import type { Change } from "../compare.ts";
import type { Plan, Step } from "../plan.ts";

/** What an update does, in words for whoever decides about it. */
export interface Consequence {
  readonly says: string;
  /** Clients notice, data goes, or somebody has to do something. */
  readonly careful: boolean;
}

/** Both plans, for what depends on more than one resource. */
export interface Plans {
  readonly before: Plan;
  readonly after: Plan;
}

/** What comes of a unit of files, or of a program, as its script has it. */
export interface UnitConsequences {
  /** It comes into a container for the first time. */
  readonly created: (after: Step, plans: Plans) => readonly Consequence[];
  /** It changes in a container that stays. */
  readonly changed: (change: BothSides, plans: Plans) => readonly Consequence[];
  /** It goes away, and its container stays. */
  readonly deleted: (before: Step, plans: Plans) => readonly Consequence[];
}

/** A change of something that was there and stays. */
export type BothSides = Change & { readonly before: Step; readonly after: Step };

export function hasBothSides(change: Change): change is BothSides {
  return change.before !== undefined && change.after !== undefined;
}

export function calm(says: string): Consequence {
  return { says, careful: false };
}

export function careful(says: string): Consequence {
  return { says, careful: true };
}

/** The container of a step that has one. */
export function containerOf({ container }: Step): string {
  return container ?? "";
}

/** Text of a file of a step; empty when it has none. */
export function textOf(step: Step | undefined, path: string): string {
  return step?.files.find((file) => file.path === path)?.content ?? "";
}

/** `a`, `a and b`, `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}

/** Items of `a` that `b` has not. */
export function without<T>(a: Iterable<T>, b: Iterable<T>): T[] {
  const other = new Set(b);
  return [...a].filter((item) => !other.has(item));
}
