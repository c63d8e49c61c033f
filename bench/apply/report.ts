import { conditions, median, table, type Machine } from "../result.ts";
import type { Reach } from "./contender.ts";

export type Case = "from nothing" | "nothing to do" | "look at the hosts" | "one line" | "one more instance";

/** Where applying again is the way to look at the hosts, that is what a look costs. */
const sameWork: Readonly<Partial<Record<Case, Case>>> = { "look at the hosts": "nothing to do" };

export interface Sample {
  /** Instances of each fleet. */
  readonly size: number;
  readonly round: number;
  readonly who: string;
  readonly reach: Reach;
  readonly case: Case;
  /** Seconds from the start of the command until what was asked for is seen from outside. */
  readonly seen: number;
  /** Seconds until the command ended. */
  readonly ended: number;
  /** Of the machine, before it began. */
  readonly load: number;
}

/** A run that ended without what it was for. */
export interface Failure {
  readonly who: string;
  readonly why: string;
}

export type ApplyResult = Machine & {
  readonly ansible: string;
  readonly samples: readonly Sample[];
  /** Of rounds that were begun again, and count for nobody. */
  readonly failures: readonly Failure[];
};

const ours = "bin/pulumi up";

/** Seconds of a case: where a change is to be seen that is what counts, else the end. */
function secondsOf({ case: what, seen, ended }: Sample): number {
  return what === "nothing to do" || what === "look at the hosts" ? ended : seen;
}

/** Markdown of the results: medians, and how many times faster ours is than each of the others. */
export function applySection(result: ApplyResult): string {
  const { samples } = result;
  const sizes = [...new Set(samples.map(({ size }) => size))];
  const cases = [...new Set(samples.map((sample) => sample.case))];
  const peers = [...new Set(samples.map(({ who }) => who))].filter((who) => who !== ours);
  const columns = peers.flatMap((who) => (["whole", "limited"] as const).map((reach) => ({ who, reach })));
  const rows = sizes.flatMap((size) =>
    cases.map((what) => {
      const seconds = (who: string, reach: Reach): number | undefined => {
        const sought = who === ours ? what : (sameWork[what] ?? what);
        const values = samples.filter(
          (one) => one.size === size && one.case === sought && one.who === who && one.reach === reach,
        );
        return values.length === 0 ? undefined : median(values.map(secondsOf));
      };
      const own = seconds(ours, "whole");
      return [
        `${String(size)}+${String(size)}`,
        what,
        inSeconds(own),
        ...columns.flatMap(({ who, reach }) => {
          const theirs = seconds(who, reach);
          return [inSeconds(theirs), ratio(own, theirs)];
        }),
      ];
    }),
  );
  const head = columns.flatMap(({ who, reach }) => {
    const how = peers.length === 1 ? "" : who.replace("Ansible", "");
    return [`${reach === "whole" ? "whole playbook" : "with --limit"}${how}`, "ratio"];
  });
  const rounds = Math.max(...result.samples.map(({ round }) => round));
  return [
    table(["instances", "case", ours, ...head], rows),
    `Seconds, medians of ${String(rounds)}; a ratio above 1 is in our favour. ${failed(result.failures)} ${conditions(result, [`Pulumi ${result.pulumi}`, `Node ${result.node}`, result.ansible], result.samples)}`,
  ].join("\n");
}

/** Who failed how often; the reasons are with the samples. */
function failed(failures: readonly Failure[]): string {
  if (failures.length === 0) return "No run failed.";
  const times = [...new Set(failures.map(({ who }) => who))].map(
    (who) => `${who} × ${String(failures.filter((one) => one.who === who).length)}`,
  );
  return `Rounds begun again because a run in them failed: ${times.join(", ")}.`;
}

function inSeconds(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(1);
}

function ratio(own: number | undefined, theirs: number | undefined): string {
  return own === undefined || theirs === undefined ? "" : (theirs / own).toFixed(1);
}
