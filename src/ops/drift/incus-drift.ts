import type { Found } from "../converge/compare.ts";
import { compare } from "../converge/compare.ts";
import type { Listed } from "../converge/look.ts";
import { commandName, isNamed } from "../converge/name.ts";
import type { RecordedCommand } from "../recorded.ts";
import type { Drift, Mend } from "./item.ts";
import type { SeenHost } from "./seen.ts";
import { releaseOf, type Definition, type Wanted, type WantedContainer } from "./wanted.ts";

type Instance = Listed["containers"][number];

const again = (command: RecordedCommand): Mend => ({ do: "apply", command });

/** What Incus has otherwise than it was applied: containers, volumes, images, and the artifacts beside them. */
export function incusDrift(
  host: string,
  wanted: Wanted,
  recorded: readonly RecordedCommand[],
  { found, listed }: { readonly found: Found; readonly listed: Listed },
  seen: SeenHost,
): readonly Drift[] {
  const instances = new Map(listed.containers.map((one) => [one.name, one]));
  const divergence = compare(recorded, found);
  const remade = divergence.again.map(again);
  const there = wanted.containers.filter(({ name }) => instances.has(name));
  const lost = divergence.again.flatMap((command) => (isLost(command, found) ? [command] : []));
  return [
    ...wanted.containers.flatMap(({ name }): Drift[] =>
      instances.has(name)
        ? []
        : [
            {
              ...{ kind: "container", host, container: name, subject: name },
              says: "there is no such container",
              mends: remade,
              isOut: true,
            },
          ],
    ),
    ...there.flatMap((container) => {
      const instance = instances.get(container.name);
      return instance === undefined ? [] : instanceDrift(host, container, instance);
    }),
    ...lost.map(({ volume }): Drift => ({
      ...{ kind: "volume", host, subject: volume?.name ?? "" },
      says: "there is no such volume; it would be made again, empty",
      mends: remade,
    })),
    ...wanted.volumes.flatMap(({ command, size }) =>
      lost.includes(command) ? [] : volumeDrift(host, command, size, listed),
    ),
    ...divergence.again
      .filter(
        (command) =>
          command.volume === undefined &&
          isNamed(command) &&
          isThere(command, instances) &&
          !isProgram(command),
      )
      .map((command): Drift => ({
        ...{ kind: "applied", host, container: command.container, subject: command.unit ?? "" },
        says: `${commandName(command)}: what was applied last is not what the stack's state says`,
        mends: [again(command)],
      })),
    ...divergence.leftovers.map(({ container, unit }): Drift => ({
      ...{ kind: "applied", host, container, subject: unit ?? container },
      says: "an update that did not end well has left this, and it is not in the stack's state: bin/pulumi up removes it",
      mends: [],
    })),
    ...wanted.images
      .filter(({ alias }) => !seen.images.has(alias))
      .map(({ alias, command }): Drift => ({
        ...{ kind: "image", host, subject: alias },
        says: "there is no such image, so no container could be made from it again",
        mends: [again(command)],
      })),
    ...wanted.artifacts
      .filter(({ path }) => seen.artifacts.has(path))
      .map(({ path, command }): Drift => ({
        ...{ kind: "artifact", host, subject: path },
        says: "it is not there, or is another file than its name says",
        mends: [again(command)],
      })),
  ];
}

function isThere({ container }: RecordedCommand, instances: ReadonlyMap<string, Instance>): boolean {
  return container !== undefined && instances.has(container);
}

function isProgram({ unit }: RecordedCommand): boolean {
  return unit === undefined;
}

function isLost({ volume }: RecordedCommand, { volumes }: Found): boolean {
  return volume !== undefined && !volumes.has(`${volume.pool}/${volume.name}`);
}

function instanceDrift(host: string, container: WantedContainer, instance: Instance): Drift[] {
  const drift = (subject: string, says: string, ...mends: Mend[]): Drift => ({
    ...{ kind: "container", host, container: container.name, subject },
    says,
    mends,
  });
  const defined = again(container.command);
  const { config, devices } = container.definition;
  const differs = (what: string, wanted: string, now: string): string =>
    `${what} is ${now === "" ? "not set" : now}, applied was ${wanted === "" ? "none" : wanted}`;
  const keys = Object.entries(config).flatMap(([key, value]) => {
    const now = instance.config[key] ?? "";
    return now === value ? [] : [drift(key, differs(key, value, now), defined)];
  });
  const strange = Object.keys(instance.config)
    .filter((key) => !(key in config) && !/^(volatile|image|user)\./.test(key))
    .map((key) => drift(key, differs(key, "", instance.config[key] ?? ""), { do: "unset", key }));
  const profiles = instance.profiles ?? [];
  return [
    ...(instance.status === "Running"
      ? []
      : [{ ...drift("state", `it is ${instance.status}`, ...starting(container)), isOut: true }]),
    ...keys,
    ...strange,
    ...(profiles.length === 0
      ? []
      : [
          drift(
            "profiles",
            `it has the profiles ${profiles.join(", ")}, applied was none`,
            { do: "no-profiles" },
            defined,
          ),
        ]),
    ...deviceDrift(devices, instance.devices).map(([device, says]) => drift(device, says, defined)),
  ];
}

/** An application is rolled out then, because that waits until it serves: the next one may be taken out only after it. */
function starting({ command, units }: WantedContainer): Mend[] {
  const released = units.flatMap((unit) => releaseOf(unit) ?? []);
  return [
    { do: "start" },
    again(command),
    ...released.flatMap(({ unit, app }): Mend[] => [
      { do: "restart", unit: unit.name, service: `${app}.service` },
      again(unit.command),
    ]),
  ];
}

function deviceDrift(wanted: Definition["devices"], now: Definition["devices"]): [string, string][] {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(now)])].sort();
  return names.flatMap((name): [string, string][] => {
    const [was, is] = [wanted[name], now[name]];
    if (was === undefined) return [[name, `device ${name} was not applied: ${inWords(is ?? {})}`]];
    if (is === undefined) return [[name, `device ${name} is gone: ${inWords(was)}`]];
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
    const differing = keys.filter((key) => (was[key] ?? "") !== (is[key] ?? ""));
    if (differing.length === 0) return [];
    const words = differing.map(
      (key) => `${key} is ${is[key] ?? "not set"}, applied was ${was[key] ?? "none"}`,
    );
    return [[name, `device ${name}: ${words.join("; ")}`]];
  });
}

function inWords(device: Readonly<Record<string, string>>): string {
  return Object.entries(device)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

function volumeDrift(host: string, command: RecordedCommand, size: string, listed: Listed): Drift[] {
  const { volume, digest } = command;
  const there = listed.pools[volume?.pool ?? ""]?.find(({ name }) => name === volume?.name);
  if (volume === undefined || there === undefined) return [];
  const drift = (says: string, ...mends: Mend[]): Drift[] => [
    { kind: "volume", host, subject: volume.name, says, mends },
  ];
  const mark = there.config["user.veza.volume"] ?? "";
  const now = there.config["size"] ?? "";
  // Without a mark it is somebody else's, and the command will say so.
  if (mark !== digest) return drift(`it remembers '${mark}', applied was '${digest ?? ""}'`, again(command));
  if (now === size) return [];
  const words = `its size is ${now === "" ? "not set" : now}, applied was ${size === "" ? "none" : size}`;
  return drift(words, { do: "forget", pool: volume.pool, volume: volume.name }, again(command));
}
