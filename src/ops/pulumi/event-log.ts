import { z } from "zod";

const event = z.object({
  resourcePreEvent: z.object({ metadata: z.object({ op: z.string() }) }).optional(),
  summaryEvent: z.object({ resourceChanges: z.record(z.string(), z.number()) }).optional(),
});

/**
 * Whether an update's log of events (one JSON a line) tells of an end, and of nothing else than resources that are the
 * same as before: then the stack's state says what it said.
 */
export function saysUnchanged(log: string): boolean {
  const events = log
    .split("\n")
    .filter((line) => line.includes('"resourcePreEvent"') || line.includes('"summaryEvent"'))
    .map((line) => event.parse(JSON.parse(line)));
  const last = events.at(-1)?.summaryEvent?.resourceChanges;
  return (
    last !== undefined &&
    Object.entries(last).every(([op, count]) => op === "same" || count === 0) &&
    events.every(({ resourcePreEvent }) => (resourcePreEvent?.metadata.op ?? "same") === "same")
  );
}
