import { conditions, median, table, type Machine } from "../result.ts";
import type { Taken } from "../../test/lab/support/run-timed.ts";

export interface Sample extends Taken {
  readonly piece: string;
  readonly round: number;
}

export type EngineResult = Machine & { readonly samples: readonly Sample[] };

/** Markdown of the results: medians, and the first piece as the measure of the others. */
export function engineSection(result: EngineResult): string {
  const pieces = [...new Set(result.samples.map(({ piece }) => piece))];
  const medianOf = (piece: string, of: "wall" | "cpu"): number =>
    median(result.samples.filter((sample) => sample.piece === piece).map((sample) => sample[of]));
  const [first = ""] = pieces;
  const rows = pieces.map((piece) => [
    piece,
    medianOf(piece, "wall").toFixed(2),
    (medianOf(piece, "wall") / medianOf(first, "wall")).toFixed(2),
    medianOf(piece, "cpu").toFixed(2),
    (medianOf(piece, "cpu") / medianOf(first, "cpu")).toFixed(2),
  ]);
  const rounds = Math.max(...result.samples.map(({ round }) => round));
  return [
    table(["nothing to do at 2+2", "seconds", "ratio", "processor seconds", "ratio"], rows),
    `Medians of ${String(rounds)}, in turns. Seconds of a busy machine are long, processor seconds hardly differ. ${conditions(result, [`Pulumi ${result.pulumi}`, `Node ${result.node}`], result.samples)}`,
  ].join("\n");
}
