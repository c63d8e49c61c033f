import pc from "picocolors";
import type { Drift, Place } from "./item.ts";
import type { Look } from "./look.ts";

/** What a look came to: `unseen` when nothing was found and not everything could be looked at. */
export type Verdict = "clean" | "drift" | "unseen";

export function verdictOf({ drift, unseen }: Look): Verdict {
  if (drift.length > 0) return "drift";
  return unseen.length > 0 ? "unseen" : "clean";
}

/** For people: what differs, what was decided at run time, what could not be seen; then all in a line. */
export function reportText(look: Look, seconds: number): string {
  const { drift, runtime, unseen } = look;
  return [
    ...drift.flatMap((one) => [
      `${pc.red("drift")}    ${placeText(one)}  ${one.kind} ${one.subject}: ${one.says}`,
      ...(one.patch === undefined ? [] : [patchText(one.patch)]),
    ]),
    ...unseen.map((one) => `${pc.yellow("unseen")}   ${placeText(one)}  ${one.says}`),
    ...runtime.map((one) => `${pc.dim("runtime")}  ${placeText(one)}  ${one.says}`),
    summary(look, seconds),
  ].join("\n");
}

function placeText({ host, container }: Place): string {
  return container ?? host;
}

function patchText(patch: string): string {
  return patch.trimEnd().split("\n").map(coloured).join("\n");
}

function coloured(line: string): string {
  const text = `    ${line}`;
  if (line.startsWith("+++") || line.startsWith("---")) return pc.bold(text);
  if (line.startsWith("+")) return pc.green(text);
  if (line.startsWith("-")) return pc.red(text);
  return line.startsWith("@@") ? pc.cyan(text) : text;
}

function summary(look: Look, seconds: number): string {
  const { containers, files, services } = look.counts;
  const seen = `${files} files and ${services} services in ${containers} containers, ${seconds.toFixed(1)} s`;
  switch (verdictOf(look)) {
    case "clean":
      return `No drift: ${seen}.`;
    case "drift":
      return `Drifted: ${look.drift.length}${look.unseen.length === 0 ? "" : ", and not everything could be looked at"} (${seen}).${whatNext(look)}`;
    case "unseen":
      return `Not everything could be looked at; the rest has not drifted (${seen}).`;
  }
}

function whatNext({ drift }: Look): string {
  return drift.some(({ mends }) => mends.length > 0) ? " bin/veza drift --repair brings it back." : "";
}

/** The same for programs. Times in seconds, and ISO 8601. */
export function reportJson(stack: string, look: Look, at: Date, seconds: number): object {
  return {
    stack,
    at: at.toISOString(),
    seconds: Number(seconds.toFixed(3)),
    verdict: verdictOf(look),
    drift: look.drift.map(driftJson),
    runtime: look.runtime.map(({ kind, host, container, says }) => ({ kind, host, container, says })),
    unseen: look.unseen,
    counts: look.counts,
  };
}

function driftJson({ kind, host, container, subject, says, patch, mends }: Drift): object {
  return { kind, host, container, subject, says, patch, repairable: mends.length > 0 };
}
