import { conditions, median, table, type Machine } from "../result.ts";
import type { KillSample } from "./instance-kill.ts";
import type { WriteSample } from "./write-outage.ts";

export type FailoverResult = Machine & {
  /** Of what was compared with. */
  readonly versions: readonly string[];
  readonly kills: readonly KillSample[];
  readonly writes: readonly WriteSample[];
};

const ours = "veza-edge";

/** Markdown of the results: medians of seconds, sums of what must not happen, and ours as a part of theirs. */
export function failoverSection(result: FailoverResult): string {
  const { kills, writes } = result;
  return [
    killTable(kills),
    writeTable(writes),
    `Seconds are medians, with the longest in brackets; a ratio below 1 is in our favour. ${conditions(result, [`Node ${result.node}`, ...result.versions], [...kills, ...writes])}`,
  ].join("\n");
}

function killTable(kills: readonly KillSample[]): string {
  const rounds = Math.max(...kills.map(({ round }) => round));
  const edges = [...new Set(kills.map(({ who }) => who))];
  const rows = edges.map((edge) => {
    const own = kills.filter(({ who }) => who === edge);
    return [
      edge,
      String(total(own, "requests")),
      String(total(own, "failed")),
      secondsOf(own.map(({ outage }) => outage)),
    ];
  });
  return table(
    [
      `an instance is killed (× ${String(rounds)})`,
      "requests",
      "failed",
      "longest time that a client had no answer",
    ],
    rows,
  );
}

function writeTable(writes: readonly WriteSample[]): string {
  const [theirs = ""] = writes.map(({ who }) => who).filter((who) => who !== ours);
  const rows = (["switchover", "primary lost"] as const).flatMap((what) => {
    const of = (who: string): readonly WriteSample[] =>
      writes.filter((sample) => sample.case === what && sample.who === who);
    const both = [of(ours), of(theirs)] as const;
    const seconds = (which: "outage" | "slowest"): string[] => {
      const [own, other] = both.map((samples) => samples.map((sample) => sample[which]));
      if (own === undefined || other === undefined) return [];
      // What a person needs to notice and to decide is in no measurement.
      return what === "primary lost"
        ? [`${secondsOf(own)} from a person's word on`, `${secondsOf(other)} by itself`, "Patroni is ahead"]
        : [secondsOf(own), secondsOf(other), (median(own) / median(other)).toFixed(2)];
    };
    const counts = (which: "commits" | "lost" | "byBoth"): string[] => [
      ...both.map((samples) => String(total(samples, which))),
      "",
    ];
    const title = { switchover: "planned switchover", "primary lost": "primary killed" }[what];
    return [
      [`${title} (× ${String(both[0].length)}): no commit for`, ...seconds("outage")],
      ["the client that waited longest", ...seconds("slowest")],
      ["acknowledged commits", ...counts("commits")],
      ["of these lost", ...counts("lost")],
      ["taken by the old primary after the new one", ...counts("byBoth")],
    ];
  });
  return table(["", ours, theirs, "ratio"], rows);
}

function secondsOf(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.max(...values).toFixed(2)})`;
}

function total<Name extends string>(samples: readonly Readonly<Record<Name, number>>[], which: Name): number {
  return samples.reduce((sum, sample) => sum + sample[which], 0);
}
