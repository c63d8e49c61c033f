import { conditions, median, table, type Machine } from "../result.ts";
import { kindNames, kinds, type Kind } from "./contender.ts";
import type { Sample } from "./measure.ts";

export type PathResult = Machine & {
  /** Of one run. */
  readonly seconds: number;
  readonly versions: readonly { readonly name: string; readonly version: string }[];
  readonly samples: readonly Sample[];
};

/** Markdown of the results: medians, the first contender as the measure of the others. */
export function pathSection(result: PathResult): string {
  const { samples } = result;
  const [first = ""] = samples.map(({ who }) => who);
  const rows = kindNames.flatMap((kind) => {
    const ofKind = samples.filter((sample) => sample.kind === kind);
    const ours = ofContender(ofKind, first);
    return [...new Set(ofKind.map(({ who }) => who))].map((who, index) => {
      const theirs = ofContender(ofKind, who);
      const isBalancer = theirs.cost > 0;
      return [
        index === 0 ? kinds[kind].title : "",
        who,
        theirs.perSecond.toFixed(0),
        isBalancer ? (ours.perSecond / theirs.perSecond).toFixed(2) : "",
        isBalancer ? theirs.cost.toFixed(1) : "",
        isBalancer ? (theirs.cost / ours.cost).toFixed(2) : "",
        isBalancer ? `${(theirs.share * 100).toFixed(0)} %` : "",
        isBalancer ? theirs.log.toFixed(1) : "",
        (theirs.p50 / 1000).toFixed(2),
        (theirs.p99 / 1000).toFixed(2),
      ];
    });
  });
  const busy = ["per second", "ratio", "µs", "ratio", "of a core"];
  const head = ["", "through", ...busy, "µs for the log", "p50 ms", "p99 ms"];
  const rounds = Math.max(...samples.map(({ round }) => round));
  const rates = kindNames.map((kind) => String(rateOf(samples, kind)));
  const versions = result.versions
    .filter(({ version }) => version !== "")
    .map(({ name, version }) => `${name} ${version}`);
  return [
    table(head, rows),
    `As fast as it goes: answers per second, microseconds of the load balancer's processor time for each, and how much of their core it and whoever stores its log were on. At one rate for all, half of what the slowest did (${rates.join(", ")} per second in the order above): microseconds of processor time of whoever else stores its log (the journal, the access log's reader), and milliseconds until the answer. A ratio above 1 is in favour of the first line. Medians of ${String(rounds)} runs of ${String(result.seconds)} s, in turns. ${failures(samples)}\n`,
    conditions(result, versions, samples),
  ].join("\n");
}

interface Medians {
  readonly perSecond: number;
  readonly cost: number;
  readonly log: number;
  /** Of the core that load balancer and log have. */
  readonly share: number;
  readonly p50: number;
  readonly p99: number;
}

function ofContender(samples: readonly Sample[], who: string): Medians {
  const own = samples.filter((sample) => sample.who === who);
  const [fast, even] = [own.filter(({ rate }) => rate === 0), own.filter(({ rate }) => rate > 0)];
  const of = (some: readonly Sample[], value: (sample: Sample) => number): number => median(some.map(value));
  return {
    perSecond: of(fast, ({ perSecond }) => perSecond),
    cost: of(fast, ({ balancer }) => balancer),
    // Where no line of the log is dropped.
    log: of(even, ({ log }) => log),
    share: of(fast, ({ balancer, log, perSecond }) => ((balancer + log) * perSecond) / 1_000_000),
    p50: of(even, ({ p50 }) => p50),
    p99: of(even, ({ p99 }) => p99),
  };
}

function rateOf(samples: readonly Sample[], kind: Kind): number {
  return samples.find((sample) => sample.kind === kind && sample.rate > 0)?.rate ?? 0;
}

/** Who failed to answer, and who began a session anew that could have been resumed. */
function failures(samples: readonly Sample[]): string {
  const named = (of: (sample: Sample) => boolean): string =>
    [...new Set(samples.filter(of).map(({ who, kind }) => `${who} (${kinds[kind].title})`))].join(", ");
  const failed = named((sample) => sample.failed > 0);
  const anew = named(({ kind, resumed }) => kind === "resumed-tls" && resumed === 0);
  return [
    failed === "" ? "No question failed." : `Questions failed: ${failed}.`,
    ...(anew === "" ? [] : [`No session was resumed: ${anew}.`]),
  ].join(" ");
}
