import { databaseDrift } from "./database-drift.ts";
import { haproxyDrift } from "./haproxy-drift.ts";
import type { Drift, Mend, Place } from "./item.ts";
import { patchOf } from "./patch.ts";
import { releaseDrift } from "./release-drift.ts";
import type { SeenExtra, SeenFile, SeenInside, SeenService } from "./seen.ts";
import { servicesOf, type WantedContainer, type WantedService, type WantedUnit } from "./wanted.ts";

/** What is otherwise inside a container than it was applied. */
export function insideDrift(host: string, container: WantedContainer, seen: SeenInside): readonly Drift[] {
  const at = { host, container: container.name };
  const files = container.units.flatMap((unit) => fileDrift(at, unit, seen));
  const extras = [...seen.extras].map((extra) => extraDrift(at, container, seen, extra));
  const services = container.units.flatMap((unit) =>
    servicesOf(unit).flatMap((service) =>
      serviceDrift(at, service, seen.services.get(service.name), [...files, ...extras]),
    ),
  );
  return [
    ...files,
    ...container.units.flatMap((unit) => [...directoryDrift(at, unit, seen), ...userDrift(at, unit, seen)]),
    ...extras,
    ...services,
    ...container.units.flatMap((unit) => releaseDrift(at, unit, seen, files)),
    ...container.units.flatMap((unit) => haproxyDrift(at, unit, seen, [...files, ...services])),
    ...container.units.flatMap((unit) => databaseDrift(at, unit, seen, files)),
  ];
}

function again({ command }: WantedUnit): Mend {
  return { do: "apply", command };
}

function fileDrift(at: Place, unit: WantedUnit, { files, differing }: SeenInside): Drift[] {
  return unit.files.flatMap(({ path, mode, owner, content }) => {
    const found = files.get(path);
    if (found === undefined)
      return [{ ...at, kind: "file", subject: path, says: "it is not there", mends: [again(unit)] }];
    const now = differing.get(path);
    const says = [
      ...(found.type.startsWith("regular ") ? [] : [`it is a ${found.type}`]),
      ...(differing.has(path) ? ["its content was changed"] : []),
      ...accessDiffers(found, mode, owner),
    ];
    if (says.length === 0) return [];
    const patch = now === undefined ? "" : patchOf(path, content, now);
    const drift: Drift = { ...at, kind: "file", subject: path, says: says.join("; "), mends: [again(unit)] };
    return [patch === "" ? drift : { ...drift, patch }];
  });
}

function accessDiffers(found: SeenFile, mode: string, owner: string): string[] {
  const isLink = found.type === "symbolic link";
  return [
    ...(isLink || Number.parseInt(found.mode, 8) === Number.parseInt(mode, 8)
      ? []
      : [`its mode is ${found.mode.padStart(4, "0")}, applied was ${mode}`]),
    ...(found.owner === owner ? [] : [`it belongs to ${found.owner}, applied was ${owner}`]),
  ];
}

function directoryDrift(at: Place, unit: WantedUnit, { files }: SeenInside): Drift[] {
  return unit.directories.flatMap(({ path, mode, owner }): Drift[] => {
    const found = files.get(path);
    const says =
      found === undefined
        ? ["it is not there"]
        : [
            ...(found.type === "directory" ? [] : [`it is a ${found.type}`]),
            ...accessDiffers(found, mode, owner),
          ];
    return says.length === 0
      ? []
      : [{ ...at, kind: "directory", subject: path, says: says.join("; "), mends: [again(unit)] }];
  });
}

function userDrift(at: Place, unit: WantedUnit, { missingUsers }: SeenInside): Drift[] {
  return unit.users
    .filter(({ name }) => missingUsers.includes(name))
    .map(({ name }) => ({
      ...{ ...at, kind: "user", subject: name },
      says: "there is no such system user",
      mends: [again(unit)],
    }));
}

function extraDrift(
  at: Place,
  { units }: WantedContainer,
  seen: SeenInside,
  [path, extra]: [string, SeenExtra],
): Drift {
  const remove: Mend = { do: "remove", path };
  const of = units
    .flatMap(servicesOf)
    .find(({ name }) => path.includes(`/${name}.d/`) || path.endsWith(`/${name}`));
  const patch = extra.content === undefined ? "" : patchOf(path, "", extra.content);
  const drift = {
    ...at,
    kind: "extra" as const,
    subject: path,
    ...(patch === "" ? {} : { patch }),
  };
  const since = of && seen.services.get(of.name)?.since;
  const isInForce = since !== undefined && since >= extra.changed;
  if (of === undefined || !isInForce) return { ...drift, says: "nobody applied this file", mends: [remove] };
  return {
    ...drift,
    says: `nobody applied this file, and ${of.name} was started with it`,
    mends: [remove, { do: "restart", unit: of.unit.name, service: of.name }, again(of.unit)],
  };
}

/** @param others files that were changed: that systemd has not read them, or takes them for something else, follows */
function serviceDrift(
  at: Place,
  wanted: WantedService,
  seen: SeenService | undefined,
  others: readonly Drift[],
): Drift[] {
  const drift = (says: string): Drift => ({
    ...{ ...at, kind: "service", subject: wanted.name },
    says,
    mends: [again(wanted.unit)],
  });
  if (seen === undefined) return [drift("systemd does not say what it is")];
  if (wanted.state === "masked") {
    return seen.load === "masked" ? [] : [drift(`it is ${seen.enabled || seen.load}, applied was masked`)];
  }
  const itsFiles = `/etc/systemd/system/${wanted.name}`;
  const isChanged = others.some(
    ({ subject }) => subject === itsFiles || subject.includes(`/${wanted.name}.d/`),
  );
  const app = wanted.unit.parameters["APP"];
  const isOut = app === undefined || wanted.name === `${app}.service`;
  const state = isRunning(seen) ? [] : [{ ...drift(`it is ${seen.active} (${seen.sub})`), isOut }];
  if (isChanged) return state;
  return [
    ...(seen.enabled === "enabled" ? [] : [drift(`it is ${seen.enabled}, so it does not start at boot`)]),
    ...state,
    ...(seen.needsDaemonReload ? [drift("systemd has not read its files since they were last written")] : []),
  ];
}

function isRunning({ active, sub }: SeenService): boolean {
  // On its way, unless it keeps failing.
  return ["active", "reloading"].includes(active) || (active === "activating" && sub !== "auto-restart");
}
