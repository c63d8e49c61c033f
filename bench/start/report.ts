import { conditions, table, type Machine } from "../result.ts";

/** A step of set-up, as it says it was. */
export interface Step {
  readonly name: string;
  readonly seconds: number;
}

export interface Sample {
  readonly case: string;
  /** From the command to its end. */
  readonly seconds: number;
  readonly steps: readonly Step[];
  /** Of the machine, before it began. */
  readonly load: number;
}

export type StartResult = Machine & { readonly samples: readonly Sample[] };

/** The steps in what `npm run lab` has printed, where it is no terminal. */
export function stepsIn(said: string): readonly Step[] {
  return said.split("\n").flatMap((line) => {
    const { name = "npm packages", seconds } =
      /^✓ (?<name>.+?)(?:: .*)? {2}(?<seconds>[\d.]+) s$/.exec(line)?.groups ??
      /^Installed npm packages \((?<seconds>\d+) s\)$/.exec(line)?.groups ??
      {};
    return seconds === undefined ? [] : [{ name, seconds: Number(seconds) }];
  });
}

/** Markdown of the results: a column for each case, a row for each step. */
export function startSection(result: StartResult): string {
  const names = [...new Set(result.samples.flatMap(({ steps }) => steps.map(({ name }) => name)))];
  const cell = ({ steps }: Sample, name: string): string => {
    const own = steps.filter((step) => step.name === name);
    return own.length === 0 ? "" : own.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(1);
  };
  const rest = (sample: Sample): number =>
    sample.seconds - sample.steps.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = [
    ["in all", ...result.samples.map(({ seconds }) => seconds.toFixed(1))],
    ...names.map((name) => [name, ...result.samples.map((sample) => cell(sample, name))]),
    [
      "between the steps, the first drill included",
      ...result.samples.map((sample) => rest(sample).toFixed(1)),
    ],
  ];
  return [
    table(["step", ...result.samples.map((sample) => sample.case)], rows),
    `Seconds, one run each. ${conditions(result, [`Pulumi ${result.pulumi}`, `Node ${result.node}`], result.samples)}`,
  ].join("\n");
}
