import { closedMap, servicesStopped } from "../../config/maintenance.ts";
import { parseServersState } from "../../haproxy/runtime.ts";
import { readNote } from "../postgres/note.ts";
import type { Listed } from "../converge/look.ts";
import type { Drift, Place, RuntimeState } from "./item.ts";
import type { SeenInside } from "./seen.ts";
import type { SeenNode } from "./topology-drift.ts";
import { releaseOf, type WantedContainer, type WantedUnit } from "./wanted.ts";

/**
 * Every kind of state that people and programs decide while the stack runs. An update leaves them as they are, so none
 * is drift; what looks like drift and only follows from one of them is excused by it.
 */
export const runtimeKinds = [
  /** An operator takes a server out of its pool (drain, maint) or gives it another weight. */
  "server",
  /** Clients are closed out, or applications are kept stopped (`bin/veza maintenance`). */
  "maintenance",
  /** A container was stopped for good: it does not start with its host. */
  "switched-off",
  /** Names that have an issued certificate. */
  "certificates",
  /** Another database node than the first one is the primary. */
  "flipped",
  /** A flip was begun and has not ended. */
  "flip",
  /** A database node was closed by a flip or an operator. */
  "fenced",
] as const;
type RuntimeKind = (typeof runtimeKinds)[number];

/** Files in containers by which an operator's word holds over boots and updates. */
export const runtimeNotes: readonly string[] = [closedMap, servicesStopped];

const nothing = (): boolean => false;

function state(
  kind: RuntimeKind,
  at: Place,
  says: string,
  excuses: RuntimeState["excuses"] = nothing,
): RuntimeState {
  return { kind, ...at, says, excuses };
}

/** Of a container that answered. */
export function insideStates(
  host: string,
  { name, units }: WantedContainer,
  seen: SeenInside,
): RuntimeState[] {
  const at = { host, container: name };
  const names = seen.issuedNames;
  const certificates = names.length === 0 ? [] : [state("certificates", at, `issued: ${names.join(" ")}`)];
  const isBalancer = units.some((unit) => unit.name === "haproxy");
  return [
    ...maintenanceStates(at, units, seen.notes),
    ...certificates,
    ...(isBalancer ? serverStates(at, seen.haproxy?.servers ?? "") : []),
  ];
}

function maintenanceStates(
  at: Place,
  units: readonly WantedUnit[],
  notes: SeenInside["notes"],
): RuntimeState[] {
  const apps = units.flatMap((unit) => releaseOf(unit) ?? []).map(({ app }) => `${app}.service`);
  const stopped = state("maintenance", at, "its application is kept stopped", (drift) => {
    return isAt(at, drift) && drift.kind === "service" && apps.includes(drift.subject);
  });
  return [
    ...((notes.get(closedMap) ?? 0) > 0 ? [state("maintenance", at, "clients are closed out")] : []),
    ...(notes.has(servicesStopped) && apps.length > 0 ? [stopped] : []),
  ];
}

function serverStates(at: Place, said: string): RuntimeState[] {
  const states = parseServersState(said);
  if (!states.ok) return [];
  return states.value.flatMap(({ backend, server, admin, weight, initialWeight }) => {
    const where = `${backend}/${server}`;
    if (admin !== "ready") return [state("server", at, `${where} is in ${admin}`)];
    if (weight === initialWeight) return [];
    return [state("server", at, `${where} has the weight ${weight} of ${initialWeight}`)];
  });
}

/** Of a container as Incus has it. Whoever keeps it from starting with its host has stopped it on purpose. */
export function instanceStates(host: string, instance: Listed["containers"][number]): RuntimeState[] {
  const { name, status, config } = instance;
  if (status !== "Stopped" || config["boot.autostart"] !== "false") return [];
  const at = { host, container: name };
  return [
    state("switched-off", at, "it was stopped, and does not start with its host", (drift) => {
      return isAt(at, drift) && ["state", "boot.autostart"].includes(drift.subject);
    }),
  ];
}

/** Of the database. @param notes what hosts remember of a flip */
export function databaseStates(
  nodes: readonly SeenNode[],
  firstPrimary: string | undefined,
  notes: readonly { readonly host: string; readonly text: string }[],
): RuntimeState[] {
  const primary = nodes.find(({ details }) => details?.state === "primary");
  const flipped =
    primary === undefined || firstPrimary === undefined || primary.at.container === firstPrimary
      ? []
      : [state("flipped", primary.at, `it is the primary; the first one was ${firstPrimary}`)];
  const fenced = nodes.flatMap(({ at, details }) => {
    if (details?.state !== "fenced") return [];
    const why = typeof details.fenced === "string" ? details.fenced : "";
    const excuses = (drift: Drift): boolean => isAt(at, drift) && drift.subject === "veza-postgres.service";
    return [state("fenced", at, `it is closed: ${why || "no reason given"}`, excuses)];
  });
  const flips = notes.flatMap(({ host, text }) => {
    const note = readNote(text);
    if (note === undefined) return [];
    const says = `from ${note.from} to ${note.to}, begun by ${note.by} at ${note.at}: bin/veza flip-db goes on with it`;
    // Between its steps no node takes writes.
    return [state("flip", { host }, says, ({ kind }) => kind === "topology")];
  });
  return [...flipped, ...fenced, ...flips];
}

function isAt(at: Place, drift: Place): boolean {
  return drift.host === at.host && drift.container === at.container;
}
