import type { Change } from "../compare.ts";
import {
  calm,
  careful,
  hasBothSides,
  type Consequence,
  type Plans,
  type UnitConsequences,
} from "./consequence.ts";
import { application, applicationSecrets } from "./fleet.ts";
import { broughtCertificate, haproxy } from "./haproxy.ts";
import { ofContainer, ofHost } from "./incus.ts";
import { caRoot, issuance, letsencrypt, pebble, placeholders } from "./letsencrypt.ts";
import { bootstrap, postgres, postgresSecrets } from "./postgres.ts";
import { prometheus } from "./prometheus.ts";

export type { Consequence } from "./consequence.ts";

/** By the unit's name in its container; what a unit does is written in its follow-up script. */
export const unitConsequences: Readonly<Record<string, UnitConsequences>> = {
  haproxy,
  certificate: broughtCertificate,
  application,
  secrets: applicationSecrets,
  letsencrypt,
  placeholders,
  "acme-ca": caRoot,
  pebble,
  "pebble-tls": pebble,
  postgres,
  "postgres-secrets": postgresSecrets,
  prometheus,
};

/** What an update does with one container, in the order in which somebody wants to know it. */
export function containerConsequences(changes: readonly Change[], plans: Plans): readonly Consequence[] {
  const container = changes.find((change) => kindOf(change) === "container");
  const rest = changes.filter((change) => change !== container);
  const isInstance = [...plans.before.steps, ...plans.after.steps].some(
    (step) =>
      step.unit === "application" && step.container === container?.name.replace(/-container-create$/, ""),
  );
  const own = container === undefined ? [] : ofContainer(container, isInstance);
  // All that is in it goes with it, or comes again as it is.
  if (container?.operation === "deleted") return own;
  const all = [
    ...own,
    ...rest.flatMap((change) => ofChange(change, plans, container?.operation === "replaced")),
  ];
  return all.filter(({ says }, index) => all.findIndex((other) => other.says === says) === index);
}

/** What concerns hosts, and no container. */
export function hostConsequences(changes: readonly Change[]): readonly Consequence[] {
  return changes.flatMap(ofHost);
}

function ofChange(change: Change, plans: Plans, anew: boolean): readonly Consequence[] {
  const { before, after } = change;
  const step = after ?? before;
  if (step === undefined) return [];
  if (step.kind === "program") return ofProgram(change, anew);
  const row = unitConsequences[step.unit ?? ""];
  if (row === undefined) return unknown(change);
  if (after !== undefined && (anew || before === undefined)) return row.created(after, plans);
  if (hasBothSides(change)) return row.changed(change, plans);
  return row.deleted(step, plans);
}

function ofProgram({ before, after }: Change, anew: boolean): readonly Consequence[] {
  if (after === undefined) return [];
  const { COMMAND = "", BECAUSE = "" } = after.parameters;
  if (COMMAND.endsWith("\nbootstrap")) return bootstrap(after.container ?? "", before === undefined || anew);
  if (COMMAND.endsWith("\nrenew"))
    return issuance({ ...(before && { before: before.parameters["BECAUSE"] ?? "" }), after: BECAUSE });
  return [calm(`runs ${COMMAND.replaceAll("\n", " ")} in ${after.container ?? ""}`)];
}

/** A unit that is not in the table above: the reader is told so. */
function unknown({ name, operation }: Change): readonly Consequence[] {
  return [careful(`${name} is ${operation}; what follows from that is not known here`)];
}

function kindOf({ before, after }: Change): string | undefined {
  return (after ?? before)?.kind;
}
