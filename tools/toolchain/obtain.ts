import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { withFileLock } from "./file-lock.ts";
import { reasonOf } from "./reason.ts";

/** How a piece first got here. */
export type Road = "path" | "vendor" | "built";

/** What a piece's folder says about it, in `origin.json`: the last file written, so it also says "complete". */
export interface Origin {
  readonly road: Road;
  readonly version: string;
  /** For people: the path, the address or the Go module that it came from. */
  readonly from: string;
  /** For what is used where it was found: the file, and what it looked like then. */
  readonly found?: { readonly path: string; readonly size: number; readonly mtimeMs: number };
}

/** One way to get a piece. */
export interface Source {
  readonly road: Road;
  /**
   * Fills `dir` (an empty folder). A string instead of an origin is the reason why this road does not
   * lead anywhere here; a throw is a road that broke. Either way the next one is taken.
   */
  take(dir: string, note: (detail: string) => void): Promise<Omit<Origin, "road"> | string>;
}

/**
 * A piece's origin; undefined when the piece is not there, not whole, or was used where it was found
 * and is gone or another one by now.
 */
export function readOrigin(dir: string): Origin | undefined {
  const file = join(dir, "origin.json");
  if (!existsSync(file)) return undefined;
  // Written below by this very code, whole and before the folder got its name.
  const origin = JSON.parse(readFileSync(file, "utf8")) as Origin;
  if (origin.found) {
    const now = statSync(origin.found.path, { throwIfNoEntry: false });
    if (now?.size !== origin.found.size || now.mtimeMs !== origin.found.mtimeMs) return undefined;
  }
  return origin;
}

/**
 * Gets a piece into `dir`, which then exists whole or not at all: the first source that delivers wins.
 * Two processes do not do it twice. `note` hears what is going on and at last which road was taken, and
 * why not a better one. Throws with every source's reason when none delivers.
 */
export async function obtain(
  dir: string,
  sources: readonly Source[],
  note: (detail: string) => void,
): Promise<Origin> {
  return withFileLock(
    `${dir}.lock`,
    () => note("waiting for another setup that is at it"),
    async () => {
      const there = readOrigin(dir);
      if (there) {
        note(`${there.version}, from the cache`);
        return there;
      }
      const reasons: string[] = [];
      for (const source of sources) {
        const origin = await tryRoad(dir, source, note);
        if (typeof origin !== "string") {
          note([`${origin.version}, ${origin.road}: ${origin.from}`, ...reasons].join("; "));
          return origin;
        }
        reasons.push(`not ${source.road}: ${origin}`);
        note(reasons.join("; "));
      }
      throw new Error(`no way to get it on this machine:\n  ${reasons.join("\n  ")}`);
    },
  );
}

async function tryRoad(
  dir: string,
  source: Source,
  note: (detail: string) => void,
): Promise<Origin | string> {
  // Holding the lock, so whatever is here is what a killed run left.
  const unfinished = `${dir}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dirname(unfinished), { recursive: true });
  mkdirSync(unfinished);
  try {
    const taken = await source.take(unfinished, note);
    if (typeof taken === "string") return taken;
    const origin: Origin = { road: source.road, ...taken };
    writeFileSync(join(unfinished, "origin.json"), JSON.stringify(origin, undefined, 2) + "\n");
    renameSync(unfinished, dir);
    return origin;
  } catch (error) {
    return reasonOf(error).message;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
