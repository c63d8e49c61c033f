import type { RecordedCommand } from "../recorded.ts";
import type { Mark } from "./mark.ts";

/** A container of the stack as its host has it. */
export interface FoundContainer {
  readonly name: string;
  /** In Incus' words: `Running`, `Stopped` … */
  readonly state: string;
  readonly createdAt: Date;
  /** Made by this program (and not by hand in the same Incus project). */
  readonly ours: boolean;
  /** What was last applied in it: unit → digest, or `pending DIGEST`. */
  readonly units: ReadonlyMap<string, string>;
}

/** What a host has of a stack. */
export interface Found {
  readonly containers: readonly FoundContainer[];
  /** What each of the stack's volumes that is there remembers; by `POOL/NAME`. */
  readonly volumes: ReadonlyMap<string, string>;
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
  const isThere = ({ container }: RecordedCommand): boolean => containers.has(container ?? "");
  const missing = recorded.some((c) => c.unit === "container" && !isThere(c));
  const lost = recorded.flatMap(({ volume }) =>
    volume === undefined || found.volumes.has(`${volume.pool}/${volume.name}`) ? [] : [volume.name],
  );
  const differs = (command: RecordedCommand): boolean => {
    const { container, unit, volume, digest, document } = command;
    if (volume !== undefined) return found.volumes.get(`${volume.pool}/${volume.name}`) !== digest;
    // A container that has to be made again needs its project, its image and the artifacts on the host first.
    if (container === undefined) return missing;
    // Nothing is remembered of a program; its work was in the container.
    if (unit === undefined) return !isThere(command);
    // It was taken out of its container before it could be removed.
    if (unit === "container" && lost.some((name) => document.includes(`"source": "${name}"`))) return true;
    return containers.get(container)?.units.get(unit) !== digest;
  };
  const again = recorded.filter(differs);
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
