import { z } from "zod";

const event = z.object({
  resourcePreEvent: z.object({ metadata: z.object({ op: z.string() }) }).optional(),
  summaryEvent: z.object({ resourceChanges: z.record(z.string(), z.number()) }).optional(),
  diagnosticEvent: z
    .object({ urn: z.string().optional(), severity: z.string(), message: z.string() })
    .optional(),
});
type Event = z.infer<typeof event>;

/** The events of one kind or more in an update's log (one JSON a line). */
function eventsIn(log: string, ...kinds: readonly (keyof Event)[]): readonly Event[] {
  return log
    .split("\n")
    .filter((line) => kinds.some((kind) => line.includes(`"${kind}"`)))
    .map((line) => event.parse(JSON.parse(line)));
}

/**
 * Whether an update's log tells of an end, and of nothing else than resources that are the same as before: then the
 * stack's state says what it said.
 */
export function saysUnchanged(log: string): boolean {
  const events = eventsIn(log, "resourcePreEvent", "summaryEvent");
  const last = events.at(-1)?.summaryEvent?.resourceChanges;
  return (
    last !== undefined &&
    Object.entries(last).every(([op, count]) => op === "same" || count === 0) &&
    events.every(({ resourcePreEvent }) => (resourcePreEvent?.metadata.op ?? "same") === "same")
  );
}

/** Longest reason that is said again, in lines: what counts is at its end, and all of it is above. */
const reasonLines = 12;

/**
 * What the steps of an update said that failed, as it is said again below all that Pulumi prints about it; empty where none
 * did. What the program itself complained of is not among it.
 */
export function failedSteps(log: string): readonly string[] {
  return eventsIn(log, "diagnosticEvent").flatMap(({ diagnosticEvent }) => {
    const { urn, severity, message } = diagnosticEvent ?? { severity: "", message: "" };
    if (severity !== "error" || urn?.includes("command:") !== true) return [];
    const said = message.trim().replace(/^.*: running ".*":\n/, "");
    const lines = said.split("\n").slice(-reasonLines);
    return [`✗ ${urn.split("::").at(-1) ?? ""}: ${lines.join("\n  ")}`];
  });
}
