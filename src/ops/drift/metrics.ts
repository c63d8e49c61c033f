import { rename, writeFile } from "node:fs/promises";
import { driftKinds } from "./item.ts";
import type { Look } from "./look.ts";

/** A look in Prometheus' text format. */
export function metricsText(stack: string, { drift, runtime, unseen }: Look, at: Date): string {
  const label = `stack="${stack}"`;
  return [
    ...gauge(
      "veza_drift",
      "Things that are not as the last update left them, by kind.",
      driftKinds.map((kind): [string, number] => [
        `${label},kind="${kind}"`,
        drift.filter((one) => one.kind === kind).length,
      ]),
    ),
    ...gauge("veza_drift_items", "All things that are not as the last update left them.", [
      [label, drift.length],
    ]),
    ...gauge("veza_drift_unseen", "Hosts and containers that could not be looked at.", [
      [label, unseen.length],
    ]),
    ...gauge("veza_drift_runtime_states", "States that were decided at run time, which are not drift.", [
      [label, runtime.length],
    ]),
    ...gauge("veza_drift_last_look_timestamp_seconds", "When somebody has looked last.", [
      [label, Math.floor(at.getTime() / 1000)],
    ]),
  ].join("");
}

function gauge(name: string, help: string, samples: readonly (readonly [string, number])[]): string[] {
  return [
    `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`,
    ...samples.map(([labels, value]) => `${name}{${labels}} ${value}\n`),
  ];
}

/** Writes a file that a collector finds whole, or as it was. Everybody may read it. */
export async function writeMetrics(file: string, text: string): Promise<void> {
  const next = `${file}.new`;
  await writeFile(next, text, { mode: 0o644 });
  await rename(next, file);
}
