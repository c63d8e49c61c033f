import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import type { Site } from "../converge/sites.ts";
import { hostLabel, say } from "../host-shell.ts";
import type { Look } from "./look.ts";

/** What is left on the hosts of a look at a stack, for whoever asks later. */
export interface LookNote {
  readonly at: Date;
  /** Things that were not as the last update had left them, on all hosts. */
  readonly items: number;
  /** Hosts and containers that could not be looked at. */
  readonly unseen: number;
}

/** Where it stands in a project's configuration. */
export const lookNoteKey = "user.veza.drift";

const noteSeconds = 20;

/** Leaves on every host that was looked at when that was, and what was found. What cannot be noted is not. */
export async function noteLook(sites: readonly Site[], { drift, unseen }: Look, at: Date): Promise<void> {
  const text = `${at.toISOString()} ${String(drift.length)} ${String(unseen.length)}`;
  const script = readScript(import.meta.url, "../hold-project.sh", "note.sh");
  const silent = unseen.filter(({ container }) => container === undefined).map(({ host }) => host);
  const answered = sites.filter(({ host }) => !silent.includes(hostLabel(host)));
  await Promise.allSettled(
    answered.map(({ host, project }) =>
      say(host, hostDocument({ parameters: { PROJECT: project, NOTE: text }, script }), "apply", noteSeconds),
    ),
  );
}

/** @returns undefined where nobody has looked, or the note is not one of ours */
export function readLookNote(text: string): LookNote | undefined {
  const [, when = "", items, unseen] = /^(\S+) (\d+) (\d+)$/.exec(text) ?? [];
  const at = new Date(when);
  return Number.isNaN(at.getTime()) ? undefined : { at, items: Number(items), unseen: Number(unseen) };
}
