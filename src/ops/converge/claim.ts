import { HostError, hostLabel } from "../host-shell.ts";
import { ask } from "./ask.ts";
import type { Found } from "./compare.ts";
import { look } from "./look.ts";
import {
  began,
  isUnderWay,
  ownerLabel,
  ownMarks,
  readMark,
  runningMark,
  setMark,
  type Mark,
} from "./mark.ts";
import type { Site } from "./sites.ts";

/** Seconds that a script of an earlier, cut-off update is given to end by itself. */
const settleSeconds = 120;

/** A site that this process is marked on as the one who changes it. */
export interface Claimed {
  readonly site: Site;
  /** The host as it was before. */
  readonly found: Found;
}

/**
 * Marks this process as the one who changes a site, so that updates keep away.
 * @throws HostError when another one is at work on it; then nothing is marked
 */
export async function claim(site: Site): Promise<Claimed> {
  const found = await look(site);
  const { unclean, since, text } = found.mark;
  if (isUnderWay(found.mark)) throw new HostError(site.host, beingUpdated(site, found.mark));
  const mark = runningMark(unclean ? (since ?? began) : began);
  const standing = await setMark(site, text, mark);
  // Nothing is to be marked where the host has nothing of the stack.
  if (standing !== mark && standing !== "") {
    throw new HostError(site.host, beingUpdated(site, readMark(standing)));
  }
  return { site, found };
}

/** Takes a claim back, so that whoever comes next finds what this one has found. */
export async function release({ site, found }: Claimed): Promise<void> {
  await setMark(site, ownMarks, found.mark.text);
}

/** Who changes a site, and what to do about it. */
export function beingUpdated(site: Pick<Site, "host" | "project">, { runningBy, since }: Mark): string {
  const began = since?.toISOString() ?? "?";
  return `an update of ${site.project}, ${ownerLabel(runningBy ?? "")}, has been marked as running on ${hostLabel(site.host)} since ${began}. Wait for it. If it is certain that it died: incus project set ${site.project} user.veza.update="failed ${began}" there, then run this again`;
}

/**
 * Waits for what a killed update has left at work on a site's containers.
 * @throws HostError that names the processes, when they go on
 */
export async function settle(site: Site): Promise<void> {
  await ask(site, ["settle.sh"], { WAIT: settleSeconds }, settleSeconds + 30);
}
