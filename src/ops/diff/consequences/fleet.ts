import type { Plan, Step } from "../plan.ts";
import {
  calm,
  careful,
  containerOf,
  type BothSides,
  type Consequence,
  type UnitConsequences,
} from "./consequence.ts";

/** Unit `application`: rollout.sh. */
export const application: UnitConsequences = {
  created: (after) => [
    calm(
      `deploys ${containerOf(after)} with ${artifact(after)}; it is healthy before a load balancer of ${poolOf(after)} first sees it`,
    ),
  ],
  changed: (change, { before, after }) => {
    const secrets = stepOf(after, containerOf(change.after), "secrets");
    const was = stepOf(before, containerOf(change.after), "secrets");
    if (change.files.length === 0 && !hasNewArtifact(change) && secrets?.fingerprint === was?.fingerprint)
      return [
        calm(
          `looks whether ${containerOf(change.after)} runs as it should, and restarts nothing when it does`,
        ),
      ];
    return [restarts(change, before)];
  },
  deleted: (before) => [
    careful(`the application stays in ${containerOf(before)} as it is; nothing looks after it any more`),
  ],
};

/** Unit `secrets`: files that a roll-out starts the application with. */
export const applicationSecrets: UnitConsequences = {
  created: () => [],
  changed: (change, { before, after }) => {
    if (!change.secret) return [];
    const [was, is] = [before, after].map((plan) => stepOf(plan, containerOf(change.after), "application"));
    const rolledOut = JSON.stringify(was) !== JSON.stringify(is);
    return rolledOut
      ? []
      : [calm(`${containerOf(change.after)} uses its new secrets from its next restart on`)];
  },
  deleted: () => [],
};

function restarts(change: BothSides, before: Plan): Consequence {
  const { after } = change;
  const { DRAIN_SECONDS = "?" } = after.parameters;
  const name = containerOf(after);
  const version = hasNewArtifact(change) ? ` with ${artifact(after)}` : "";
  const others = serversOf(before, poolOf(after)).filter((other) => other !== name);
  return others.length === 0
    ? careful(
        `restarts ${name}${version} without a drain: ${poolOf(after)} has no other server, and its requests fail meanwhile`,
      )
    : calm(`restarts ${name}${version} after draining it (up to ${DRAIN_SECONDS} s)`);
}

function hasNewArtifact({ parameters }: BothSides): boolean {
  return parameters.some((name) => name === "ARTIFACT_SHA256" || name === "ARTIFACT_NAME");
}

function artifact({ parameters }: Step): string {
  const { ARTIFACT_NAME = "?", ARTIFACT_SHA256 = "" } = parameters;
  return `${ARTIFACT_NAME} (${ARTIFACT_SHA256.slice(0, 12)})`;
}

function poolOf({ parameters }: Step): string {
  return parameters["POOL"] ?? "its pool";
}

/** Instances of a pool, by the plan's roll-outs. */
function serversOf(plan: Plan, pool: string): string[] {
  return plan.steps.flatMap((step) =>
    step.unit === "application" && poolOf(step) === pool ? [containerOf(step)] : [],
  );
}

function stepOf(plan: Plan, container: string, unit: string): Step | undefined {
  return plan.steps.find((step) => step.container === container && step.unit === unit);
}
