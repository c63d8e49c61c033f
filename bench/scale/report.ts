import { conditions, median, table, type Machine } from "../result.ts";
import type { Taken } from "../../test/lab/support/run-timed.ts";

export interface Sample {
  readonly host: string;
  /** Instances of both fleets together. */
  readonly size: number;
  /** In the stack's state. */
  readonly resources: number;
  readonly created: Taken;
  /** The update after it, which writes down once what waits for what: a new stack's containers do not. */
  readonly settled: Taken;
  readonly nothing: readonly Taken[];
  readonly line: readonly Taken[];
  /** MiB of the program, at most. */
  readonly memory: number;
  /** SSH connections that the host refused. */
  readonly refused: number;
}

export type ScaleResult = Machine & { readonly samples: readonly Sample[] };

/** Markdown of the results; a ratio is to the smallest stack on the same host. */
export function scaleSection(result: ScaleResult): string {
  const rows = result.samples.map(
    ({ host, size, resources, created, settled, nothing, line, memory, refused }) => {
      const smallest = result.samples.find((one) => one.host === host) ?? { nothing };
      const seconds = (of: readonly Taken[], key: "wall" | "cpu"): number =>
        median(of.map((one) => one[key]));
      const same = seconds(nothing, "wall");
      return [
        host,
        String(size),
        String(resources),
        created.wall.toFixed(1),
        (created.wall / size).toFixed(1),
        settled.wall.toFixed(1),
        seconds(line, "wall").toFixed(1),
        same.toFixed(1),
        (same / seconds(smallest.nothing, "wall")).toFixed(2),
        seconds(nothing, "cpu").toFixed(1),
        `${String(memory)} MiB`,
        String(refused),
      ];
    },
  );
  const all = result.samples.flatMap(({ created, settled, nothing, line }) => [
    created,
    settled,
    ...nothing,
    ...line,
  ]);
  const rounds = Math.max(...result.samples.map(({ nothing }) => nothing.length));
  const head =
    "host|instances|resources|first creation|per instance|update after it|one line|nothing to do|to the smallest|its processor time|program's memory|SSH refused";
  return [
    table(head.split("|"), rows),
    `Seconds, medians of ${String(rounds)}. ${conditions(result, [`Pulumi ${result.pulumi}`, `Node ${result.node}`], all)}`,
  ].join("\n");
}
