import { hostname } from "node:os";
import { processBirth } from "../process-start.ts";
import { ask } from "./ask.ts";
import type { Site } from "./sites.ts";

/** How the last update of a stack stands on one host. */
export interface Mark {
  /** `running SINCE OWNER`, `failed SINCE` or `done SINCE`, as it is noted there; empty before the first update. */
  readonly text: string;
  /** The last update did not end well, or is still marked as running. */
  readonly unclean: boolean;
  /** When it began; or the first that did not end well, while what those left behind has not been cleared away. */
  readonly since: Date | undefined;
  /** The owner of the update that is marked as running; undefined when it ended, or when nobody is named. */
  readonly runningBy: string | undefined;
}

export function readMark(text: string): Mark {
  const [state = "", begun = "", owner] = text.split(" ");
  const since = new Date(begun);
  return {
    text,
    unclean: state !== "done" && state !== "",
    since: Number.isNaN(since.getTime()) ? undefined : since,
    runningBy: state === "running" ? owner : undefined,
  };
}

/** When this process began an update. */
export const began = new Date();
const owner = `${hostname()}:${String(process.pid)}:${processBirth(process.pid) ?? ""}`;

/** The mark of an update by this process. */
export function runningMark(since: Date): string {
  return `running ${since.toISOString()} ${owner}`;
}

/** A shell pattern for each of them. */
export const ownMarks = `running * ${owner}`;

/**
 * Sets a site's mark, where it is still the expected one or there is none.
 * @param expected a shell pattern
 * @returns the mark that stands in the end; empty also where the host has nothing of the stack
 */
export function setMark(
  site: Pick<Site, "host" | "project">,
  expected: string,
  mark: string,
): Promise<string> {
  return ask(
    site,
    ["../hold-project.sh", "ask-project.sh", "mark.sh"],
    { EXPECTED: expected, MARK: mark },
    60,
  );
}

/** Provably: it ran on this machine, and is not running any more. */
function isDead(owner: string): boolean {
  const { machine, pid, birth } = partsOf(owner);
  return machine === hostname() && processBirth(pid) !== birth;
}

/** Somebody changes the host, as far as anybody can tell; other than this process. */
export function isUnderWay({ runningBy }: Mark): boolean {
  return runningBy !== undefined && runningBy !== owner && !isDead(runningBy);
}

/** An owner, for people. */
export function ownerLabel(owner: string): string {
  const { machine, pid } = partsOf(owner);
  return `process ${String(pid)} on ${machine}`;
}

function partsOf(owner: string): { machine: string; pid: number; birth: string } {
  const [machine = "", pid = "", birth = ""] = owner.split(":");
  return { machine, pid: Number(pid), birth };
}
