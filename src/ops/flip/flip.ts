import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { operator } from "../lock.ts";
import { look } from "../postgres/look.ts";
import type { FlipNote } from "../postgres/note.ts";
import { PostgresSays } from "../postgres/says.ts";
import { lockPostgres, type PostgresSite } from "../postgres/site.ts";
import type { Topology } from "../postgres/topology.ts";
import { planBegun, planFlip, type FlipAsked, type Plan } from "./plan.ts";
import { stepsOf, type Step } from "./steps.ts";

export interface FlipTalk {
  /** A line for the person. */
  line(text: string): void;
  /** A step has been done. */
  did(step: Done): void;
  /** Whether to go on with what was shown. */
  agreed(): Promise<boolean>;
}

export interface Done {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
}

export interface FlipEnd {
  readonly kind: "flipped" | "finished" | "taken back" | "nothing" | "declined";
  /** The primary now. */
  readonly primary?: string;
  /** Seconds of each step, in order. */
  readonly steps: readonly Done[];
  /** Seconds from the first step that keeps clients out to the end of the last one. */
  readonly outageSeconds?: number;
}

/** What stands in the way of a flip. */
export class FlipError extends Error {
  override readonly name = "FlipError";
}

/**
 * Moves the primary to the other node: or finishes what an earlier run has begun, or takes it back.
 *
 * A step that fails before the promotion brings the old primary back; after it there is only forward.
 * @param dryRun show what would be done, and end
 * @throws FlipError when it is refused, or when it could be neither finished nor taken back, with what to do
 */
export async function flip(
  site: PostgresSite,
  asked: FlipAsked,
  talk: FlipTalk,
  { dryRun }: { readonly dryRun: boolean },
): Promise<FlipEnd> {
  const lock = await lockPostgres(site, "flip-db");
  try {
    const plan = await decide(site, talk, (topology) => planFlip(topology, asked));
    if (plan.kind === "nothing") {
      talk.line(plan.reason);
      return { kind: "nothing", steps: [] };
    }
    if (plan.kind === "refused") throw new FlipError(refusal(plan.reasons));
    show(plan, stepsOf(plan, site, new PostgresSays(site)), talk);
    if (dryRun || !(await talk.agreed())) return { kind: "declined", steps: [] };
    return await go(site, plan, talk);
  } finally {
    await lock.release();
  }
}

type Way = Exclude<Plan, { readonly kind: "nothing" | "refused" }>;

async function go(site: PostgresSite, way: Way, talk: FlipTalk): Promise<FlipEnd> {
  const done: Done[] = [];
  const outage = { begin: 0, end: 0 };
  const walk = async (one: Way): Promise<void> => {
    const says = new PostgresSays(site);
    // Whatever an earlier step still does on a host is waited for here, and what has not begun does nothing from now on.
    await says.note(newNote(one));
    try {
      for (const step of stepsOf(one, site, says)) await timed(step, done, outage, talk);
    } finally {
      await says.close();
    }
  };
  try {
    await walk(way);
    return ending(way, done, outage);
  } catch (error) {
    talk.line(`✗ ${messageOf(error)}`);
    const next = await wayOut(site, way, talk);
    try {
      await walk(next);
    } catch (again) {
      throw new FlipError(
        `${messageOf(again)}\nThe flip stands still; bin/veza topology shows where. Run bin/veza flip-db again when that is mended: it goes on from there`,
      );
    }
    const end = ending(next, done, outage);
    if (way.kind === "back" || next.kind === "finish") return end;
    throw new FlipError(
      `the flip was taken back, and ${next.from} is the primary as before: ${messageOf(error)}`,
    );
  }
}

/** Where a failed step leaves: the nodes say whether it was promoted. */
async function wayOut(site: PostgresSite, failed: Way, talk: FlipTalk): Promise<Way> {
  // Steps that are still at work end first; those that have not begun find another note.
  await new PostgresSays(site).note(newNote(failed)).catch((error: unknown) => {
    talk.line(messageOf(error));
  });
  const next = await decide(site, talk, (topology) => planBegun(topology, failed));
  if (next.kind === "finish" || next.kind === "back") {
    talk.line(next.kind === "back" ? `Going back to ${next.from}.` : `${next.to} is the primary: going on.`);
    return next;
  }
  throw new FlipError(next.kind === "refused" ? refusal(next.reasons) : "nothing is to be done");
}

/** A node that is busy says nothing at times: what stands in the way is looked at again before it counts. */
async function decide(
  site: PostgresSite,
  talk: FlipTalk,
  planFrom: (topology: Topology) => Plan,
): Promise<Plan> {
  for (let looks = 1; ; looks++) {
    const said: string[] = [];
    const plan = planFrom(await look(site, (text) => said.push(text)));
    if (plan.kind === "refused" && looks < 3) {
      await delay(1_000);
      continue;
    }
    said.forEach((text) => {
      talk.line(text);
    });
    return plan;
  }
}

async function timed(
  step: Step,
  all: Done[],
  outage: { begin: number; end: number },
  talk: FlipTalk,
): Promise<void> {
  const begin = performance.now();
  if (step.isOutage && outage.begin === 0) outage.begin = begin;
  await step.run();
  const end = performance.now();
  if (step.isOutage) outage.end = end;
  const done = { name: step.name, title: step.title, seconds: (end - begin) / 1_000 };
  all.push(done);
  talk.did(done);
}

function ending(way: Way, steps: FlipEnd["steps"], outage: { begin: number; end: number }): FlipEnd {
  return {
    kind: way.kind === "flip" ? "flipped" : way.kind === "finish" ? "finished" : "taken back",
    primary: way.kind === "back" ? way.from : way.to,
    steps,
    outageSeconds: (outage.end - outage.begin) / 1_000,
  };
}

function show(way: Way, steps: readonly Step[], talk: FlipTalk): void {
  const { kind, from, to } = way;
  const heading = {
    flip: `Flip from ${from} to ${to}:`,
    finish: `A flip from ${from} to ${to} was cut off after ${to} was promoted. What is left:`,
    back: `A flip from ${from} to ${to} was cut off before ${to} was promoted. This takes it back:`,
  }[kind];
  talk.line(heading);
  steps.forEach(({ title, isOutage }, index) => {
    talk.line(`  ${String(index + 1)}. ${title}${isOutage ? " (no writes)" : ""}`);
  });
}

function newNote({ from, to }: Way): FlipNote {
  return { id: randomUUID(), from, to, by: operator(), at: new Date().toISOString() };
}

function refusal(reasons: readonly string[]): string {
  return `no flip:\n${reasons.map((reason) => `  ✗ ${reason}`).join("\n")}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
