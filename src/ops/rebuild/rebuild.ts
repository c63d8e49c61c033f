import { setTimeout as delay } from "node:timers/promises";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import { look } from "../postgres/look.ts";
import { PostgresSays } from "../postgres/says.ts";
import { lockPostgres, nodeNamed, peerOf, type PostgresSite } from "../postgres/site.ts";
import { reasonsAgainstRebuild } from "./plan.ts";
import { progressLine, readProgress } from "./progress.ts";
import { howToGoOn, howToReturn, pruneSnapshots, takeSnapshot } from "./snapshots.ts";

export interface RebuildTalk {
  /** A line for the person. */
  line(text: string): void;
  /** How far it is; each takes the place of the one before. */
  progress(text: string): void;
  agreed(): Promise<boolean>;
}

/** Seconds that a copy may take. */
const rebuildSeconds = 86_400;
const streamingSeconds = 120;
const pollMs = 2_000;

/** What stands in the way of a rebuild, or what came of it. */
export class RebuildError extends Error {
  override readonly name = "RebuildError";
}

/**
 * Copies a node anew from the primary, and has it follow: for one whose data are gone, stale or fenced. What it had before
 * is kept in a snapshot of its volume.
 * @param keepSnapshots how many of them stay after one that went well
 * @throws RebuildError when it is refused, or when it failed, with the way back
 */
export async function rebuildStandby(
  site: PostgresSite,
  name: string,
  talk: RebuildTalk,
  keepSnapshots: number,
): Promise<void> {
  const node = nodeNamed(site, name);
  const peer = peerOf(site, node);
  const lock = await lockPostgres(site, "rebuild-standby");
  try {
    const reasons = await reasonsAgainst(site, name, talk);
    if (reasons.length > 0)
      throw new RebuildError(`no rebuild:\n${reasons.map((reason) => `  ✗ ${reason}`).join("\n")}`);
    talk.line(`Wipe the data of ${name}, and copy it anew from ${peer.name}, which goes on taking writes.`);
    if (!(await talk.agreed())) return;
    const snapshot = await takeSnapshot(site, name, new Date());
    talk.line(`${name}: snapshot ${snapshot.name} of volume ${snapshot.volume}`);
    const says = new PostgresSays(site);
    const begin = performance.now();
    try {
      const work = says.node(name, ["rebuild"], rebuildSeconds);
      await Promise.all([work, showProgress(site, peer.name, work, talk)]);
      await followsWithin(site, name);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new RebuildError(
        `${message}\n${peer.name} was not touched by this. ${howToReturn(site.project, name, snapshot)}\n${howToGoOn(site.project, snapshot, message)}`,
      );
    }
    talk.line(
      `${name}: copied and following ${peer.name} after ${((performance.now() - begin) / 1_000).toFixed(0)} s`,
    );
    await says.routers("ready", name);
    const gone = await pruneSnapshots(site, name, snapshot, keepSnapshots);
    if (gone.length > 0) talk.line(`${name}: older snapshots removed: ${gone.join(", ")}`);
  } finally {
    await lock.release();
  }
}

/** A node that is busy says nothing at times: what stands in the way is looked at again before it counts. */
async function reasonsAgainst(
  site: PostgresSite,
  name: string,
  talk: RebuildTalk,
): Promise<readonly string[]> {
  for (let looks = 1; ; looks++) {
    const said: string[] = [];
    const reasons = reasonsAgainstRebuild(await look(site, (text) => said.push(text)), name);
    if (reasons.length > 0 && looks < 3) {
      await delay(1_000);
      continue;
    }
    said.forEach((text) => {
      talk.line(text);
    });
    return reasons;
  }
}

/** Asks the primary how far the copy is, until it has ended. */
async function showProgress(
  site: PostgresSite,
  primary: string,
  work: Promise<unknown>,
  talk: RebuildTalk,
): Promise<void> {
  const ended = work.then(
    () => true,
    () => true,
  );
  const parameters = { PROJECT: site.project, CONTAINER: primary };
  const document = hostDocument({ parameters, script: readScript(import.meta.url, "progress.sh") });
  const host = site.host(nodeNamed(site, primary).host);
  let last: { bytes: number; at: number } | undefined;
  while (!(await Promise.race([ended, delay(pollMs, false)]))) {
    const progress = readProgress(await say(host, document, "look", 15).catch(() => ""));
    if (progress === undefined) continue;
    const at = performance.now();
    const rate = last === undefined ? 0 : ((progress.bytes - last.bytes) * 1_000) / (at - last.at);
    talk.progress(progressLine(progress, Math.max(0, rate)));
    last = { bytes: progress.bytes, at };
  }
}

async function followsWithin(site: PostgresSite, name: string): Promise<void> {
  const deadline = performance.now() + streamingSeconds * 1_000;
  for (;;) {
    const { nodes } = await look(site, () => undefined);
    const details = nodes.find((node) => node.name === name)?.details;
    if (details?.state === "standby" && details.streaming === true) return;
    if (performance.now() > deadline)
      throw new RebuildError(
        `${name} was copied, and is ${details?.state ?? "silent"} after ${String(streamingSeconds)} s instead of following. bin/veza topology says why`,
      );
    await delay(500);
  }
}
