import type { Change } from "../compare.ts";
import type { Step } from "../plan.ts";
import { calm, careful, listed, type Consequence } from "./consequence.ts";

/** A container itself: container.sh. */
export function ofContainer(change: Change, isInstance: boolean): Consequence[] {
  const { before, after } = change;
  const name = after?.container ?? before?.container ?? "";
  switch (change.operation) {
    case "created":
      return [calm(`makes the container ${name}`)];
    case "deleted":
      return [
        careful(
          `deletes the container ${name}${isInstance ? ", after load balancers have left it and its requests have ended" : ""}${kept(before)}`,
        ),
      ];
    case "replaced":
      return [
        careful(
          `replaces the container ${name} (${listed(reasons(change))}): it is stopped${isInstance ? " after load balancers have left it" : ""}, deleted, made anew and filled again${kept(before)}`,
        ),
      ];
    case "updated":
      return change.parameters.includes("DEFINITION")
        ? [calm(`changes limits, published ports or volumes of ${name} while it runs`)]
        : [calm(`looks at the container ${name}, and leaves it as it is`)];
  }
}

/** What concerns no container: volumes, images, artifacts, keys, the Incus project. */
export function ofHost(change: Change): Consequence[] {
  const step = change.after ?? change.before;
  switch (step?.kind) {
    case "volume":
      return ofVolume(change);
    case "image":
      return change.operation === "deleted"
        ? []
        : [calm(`builds the image ${step.parameters["ALIAS"] ?? ""} where it is not there yet (minutes)`)];
    case "artifact":
      return change.operation === "deleted"
        ? []
        : [calm(`brings the artifact ${(step.parameters["SHA256"] ?? "").slice(0, 12)} to its host`)];
    case "key":
      return ofKey(change, step);
    case "project":
      return ofProject(change, step);
    case "upload":
    case "container":
    case "unit":
    case "program":
    case "other":
    case undefined:
      return [];
  }
}

function ofVolume(change: Change): Consequence[] {
  const { before, after, operation } = change;
  const name = (after ?? before)?.parameters["VOLUME"] ?? "";
  const goes = (step: Step | undefined): Consequence =>
    step?.parameters["KEEP"] === "keep"
      ? calm(`the volume ${name} stays where it is with all that is in it; nothing uses it any more`)
      : careful(`deletes the volume ${name} with all that is in it`);
  switch (operation) {
    case "created":
      return [calm(`makes the volume ${name}, or takes the one of that name that is there`)];
    case "deleted":
      return [goes(before)];
    case "replaced":
      return [careful(`makes another, empty volume ${name}: data is moved by hand`), goes(before)];
    case "updated":
      if (!change.parameters.includes("KEEP"))
        return [calm(`looks at the volume ${name}; what is in it stays`)];
      return after?.parameters["KEEP"] === "keep"
        ? [calm(`the volume ${name} is kept when the stack does not want it any more`)]
        : [
            careful(
              `the volume ${name} is deleted with all that is in it when the stack does not want it any more`,
            ),
          ];
  }
}

function ofKey({ operation }: Change, { name }: Step): Consequence[] {
  switch (operation) {
    case "created":
      return [calm(`makes ${name}, which only the stack's state knows`)];
    case "deleted":
      return [calm(`forgets ${name}`)];
    case "updated":
    case "replaced":
      return [calm(`makes ${name} anew`)];
  }
}

function ofProject({ operation }: Change, { parameters }: Step): Consequence[] {
  const name = parameters["PROJECT"] ?? "";
  switch (operation) {
    case "created":
      return [calm(`makes the Incus project ${name}`)];
    case "deleted":
      return [careful(`removes the Incus project ${name}, unless volumes in it are kept`)];
    case "updated":
    case "replaced":
      return [calm(`checks that its host has what the Incus project ${name} needs`)];
  }
}

/** What outlives the container. */
function kept(step: Step | undefined): string {
  const volumes = volumesOf(step);
  if (volumes.length === 0) return "";
  return `; ${volumes.length === 1 ? "its volume" : "its volumes"} ${listed(volumes)} ${volumes.length === 1 ? "stays" : "stay"}`;
}

function volumesOf(step: Step | undefined): string[] {
  return [...(step?.parameters["DEFINITION"] ?? "").matchAll(/"source": "([^"]*)"/g)].map(
    ([, name = ""]) => name,
  );
}

/** What of it cannot be changed while it is there. */
function reasons({ before, after }: Change): string[] {
  const differs = (what: string, of: (step: Step | undefined) => string | undefined): string[] =>
    of(before) === of(after) ? [] : [what];
  const device = (key: string) => (step: Step | undefined) =>
    new RegExp(`"${key}": "([^"]*)"`).exec(step?.parameters["DEFINITION"] ?? "")?.[1];
  const found = [
    ...differs("another image", (step) => step?.parameters["IMAGE"]),
    ...differs("another address", device("ipv4.address")),
    ...differs("another network", device("network")),
    ...differs("another storage pool", device("pool")),
    ...differs("another Incus project", (step) => step?.parameters["PROJECT"]),
    ...differs("another way to its host", (step) => step?.said),
  ];
  return found.length === 0 ? ["another host"] : found;
}
