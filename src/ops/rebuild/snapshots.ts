import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import { nodeNamed, type PostgresSite } from "../postgres/site.ts";

const snapshotSeconds = 300;

/** A snapshot of a node's data, and where it lies. */
export interface Snapshot {
  readonly name: string;
  readonly pool: string;
  readonly volume: string;
}

/** Takes a snapshot of a node's data volume. @throws HostError when that cannot be done; nothing was changed then */
export async function takeSnapshot(site: PostgresSite, node: string, now: Date): Promise<Snapshot> {
  const name = `before-rebuild-${now.toISOString().replace(/\D/g, "").slice(0, 14)}`;
  const printed = await ask(site, node, "take", name, 0);
  const [pool = "", volume = ""] = printed.trim().split(" ");
  return { name, pool, volume };
}

/** Removes a node's older snapshots. @returns the names of those that are gone */
export async function pruneSnapshots(
  site: PostgresSite,
  node: string,
  { name }: Snapshot,
  keep: number,
): Promise<readonly string[]> {
  return (await ask(site, node, "prune", name, keep)).split("\n").filter((line) => line !== "");
}

/** The words that bring a node's data back to what they were, for a person. */
export function howToReturn(project: string, node: string, { pool, volume, name }: Snapshot): string {
  return [
    `What ${node} had before is kept in snapshot ${name}. To return to it:`,
    `  incus stop ${node} --project ${project}`,
    `  incus storage volume snapshot restore ${pool} ${volume} ${name} --project ${project}`,
    `  incus start ${node} --project ${project}`,
  ].join("\n");
}

/** The words that go on from a rebuild that failed, for a person. */
export function howToGoOn(project: string, { pool, volume }: Snapshot, reason: string): string {
  if (!/no space left|quota exceeded/i.test(reason)) return "Or run this again.";
  return [
    "Or make room and run this again: as long as a snapshot keeps what was there, a rebuild needs as much room again. Snapshots of earlier ones take room too:",
    `  incus storage volume snapshot list ${pool} ${volume} --project ${project}`,
  ].join("\n");
}

async function ask(
  site: PostgresSite,
  node: string,
  action: "take" | "prune",
  snapshot: string,
  keep: number,
): Promise<string> {
  const parameters = { PROJECT: site.project, NOTE: "", CONTAINER: node, SNAPSHOT: snapshot, KEEP: keep };
  const script = [
    readScript(new URL("../postgres/", import.meta.url).href, "step.sh"),
    readScript(import.meta.url, "snapshots.sh"),
  ].join("");
  const host = site.host(nodeNamed(site, node).host);
  return say(host, hostDocument({ parameters, script }), action, snapshotSeconds);
}
