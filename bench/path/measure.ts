import { load } from "../result.ts";
import { doorFor, type Contender, type Door, type Kind } from "./contender.ts";
import type { ProcessorTime, Stage } from "./stage.ts";

/** One run of one kind through one contender. Times are in microseconds. */
export interface Sample {
  readonly who: string;
  readonly kind: Kind;
  readonly round: number;
  /** Questions per second that were asked; 0: as many as were answered. */
  readonly rate: number;
  /** Answers per second. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
  /** Connections that took up an earlier TLS session. */
  readonly resumed: number;
  /** Processor time per question: of the contender's processes, and of others that store its log; 0 without any. */
  readonly balancer: number;
  readonly log: number;
  /** Of the machine, before it began. */
  readonly load: number;
}

/** What is measured, and for how long. */
export interface Run {
  readonly contender: Contender;
  readonly kind: Kind;
  readonly round: number;
  readonly seconds: number;
  readonly rate: number;
}

export async function measured(stage: Stage, run: Run): Promise<Sample> {
  const { contender, kind, round, rate } = run;
  const door = doorFor(kind, contender);
  if (door === undefined) throw new RangeError(`${contender.name} is not asked for ${kind}`);
  const before = load();
  const start = await timeOf(stage, door, contender);
  const answer = await stage.ask(kind, door.to, run.seconds, rate);
  const end = await timeOf(stage, door, contender);
  if (answer.done === 0)
    throw new Error(`${contender.name} answered nothing when asked for ${kind}: ${answer.failure}`);
  return {
    who: contender.name,
    kind,
    round,
    rate,
    perSecond: answer.done / answer.seconds,
    p50: answer.p50,
    p99: answer.p99,
    failed: answer.failed,
    resumed: answer.resumed,
    balancer: (end.balancer - start.balancer) / 1000 / answer.asked,
    log: (end.log - start.log) / 1000 / answer.asked,
    load: before,
  };
}

async function timeOf(stage: Stage, { container }: Door, { program }: Contender): Promise<ProcessorTime> {
  return container === undefined ? { balancer: 0, log: 0 } : stage.processorTime(container, program);
}
