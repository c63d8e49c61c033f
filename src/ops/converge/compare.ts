import type { RecordedCommand } from "../recorded.ts";
import type { Mark } from "./mark.ts";

/** A container of the stack as its host has it. */
export interface FoundContainer {
  readonly name: string;
  readonly createdAt: Date;
  /** Made by this program (and not by hand in the same Incus project). */
  readonly ours: boolean;
  /** What was last applied in it: unit → digest, or `pending DIGEST`. */
  readonly units: ReadonlyMap<string, string>;
}

/** What a host has of a stack. */
export interface Found {
  readonly containers: readonly FoundContainer[];
  readonly mark: Mark;
}

/** Something on the host that the stack's state does not know. */
export interface Leftover {
  readonly container: string;
  /** Undefined: the whole container. */
  readonly unit: string | undefined;
}

export interface Divergence {
  /** What has to be said again, in the order of the state, which is the order of dependencies. */
  readonly again: readonly RecordedCommand[];
  /** What an update that did not end well left behind. */
  readonly leftovers: readonly Leftover[];
}

/** Compares what the state says was applied with what one host remembers of it. Both concern the same host and project. */
export function compare(recorded: readonly RecordedCommand[], found: Found): Divergence {
  const containers = new Map(found.containers.map((c) => [c.name, c]));
  const differs = (command: RecordedCommand): boolean =>
    command.container !== undefined &&
    command.unit !== undefined &&
    containers.get(command.container)?.units.get(command.unit) !== command.digest;
  const missing = recorded.some(
    (c) => c.unit === "container" && c.container !== undefined && !containers.has(c.container),
  );
  // A container that has to be made again needs its project, its image and the artifacts on the host first.
  const again = recorded.filter((command) => (command.container === undefined ? missing : differs(command)));
  return { again, leftovers: found.mark.unclean && recorded.length > 0 ? leftovers(recorded, found) : [] };
}

/** Only what that update itself made is taken away: anything older is somebody's, and stays. */
function leftovers(recorded: readonly RecordedCommand[], found: Found): Leftover[] {
  const known = new Set(recorded.map((c) => `${c.container ?? ""}/${c.unit ?? ""}`));
  return found.containers.flatMap((container): Leftover[] => {
    if (known.has(`${container.name}/container`)) {
      return [...container.units.keys()]
        .filter((unit) => !known.has(`${container.name}/${unit}`))
        .map((unit) => ({ container: container.name, unit }));
    }
    const { since } = found.mark;
    const made = since !== undefined && container.createdAt >= since;
    return container.ours && made ? [{ container: container.name, unit: undefined }] : [];
  });
}
