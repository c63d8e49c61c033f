import { posix } from "node:path";
import { z } from "zod";
import { readContainerDocument } from "../../incus/document.ts";
import type { FileSpec } from "../../incus/file-spec.ts";
import { declaredIn, filesOf, type DirectorySpec, type UserSpec } from "../../incus/files-body.ts";
import { readAssignments } from "../../shell/quote.ts";
import type { RecordedCommand } from "../recorded.ts";

/** What was applied to a container, from the stack's state. */
export interface WantedContainer {
  readonly name: string;
  readonly command: RecordedCommand;
  /** Config keys and devices as Incus has them; an empty value is none. */
  readonly definition: Definition;
  readonly units: readonly WantedUnit[];
}

const definition = z.object({
  config: z.record(z.string(), z.string()),
  devices: z.record(z.string(), z.record(z.string(), z.string())),
});
export type Definition = z.infer<typeof definition>;

/** A unit of files, with all that can be looked at. */
export interface WantedUnit {
  readonly name: string;
  readonly command: RecordedCommand;
  readonly files: readonly FileSpec[];
  readonly directories: readonly DirectorySpec[];
  readonly users: readonly UserSpec[];
  /** What its follow-up is told. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A file on a host that was brought there under its digest. */
export interface WantedArtifact {
  readonly path: string;
  readonly sha256: string;
  readonly command: RecordedCommand;
}

/** An image, by its alias. */
export interface WantedImage {
  readonly alias: string;
  readonly command: RecordedCommand;
}

/** All that was applied on one host. */
export interface Wanted {
  readonly containers: readonly WantedContainer[];
  readonly artifacts: readonly WantedArtifact[];
  readonly images: readonly WantedImage[];
  /** Size as it was given; empty: as large as its pool. */
  readonly volumes: readonly { readonly command: RecordedCommand; readonly size: string }[];
}

/** @param recorded what was said to one host, in the order of the state */
export function wantedOf(recorded: readonly RecordedCommand[]): Wanted {
  const units = recorded.flatMap((command) => unitOf(command) ?? []);
  const host = recorded
    .filter(({ container }) => container === undefined)
    .map((command) => ({ command, values: readAssignments(command.document).values }));
  return {
    containers: recorded
      .filter(({ unit }) => unit === "container")
      .map((command) => containerOf(command, units)),
    artifacts: host.flatMap(({ command, values: { DESTINATION, SHA256 } }) =>
      DESTINATION === undefined || SHA256 === undefined
        ? []
        : [{ path: DESTINATION, sha256: SHA256, command }],
    ),
    images: host.flatMap(({ command, values: { ALIAS } }) =>
      ALIAS === undefined ? [] : [{ alias: ALIAS, command }],
    ),
    volumes: host.flatMap(({ command, values: { SIZE } }) =>
      command.volume === undefined ? [] : [{ command, size: SIZE ?? "" }],
    ),
  };
}

function containerOf(command: RecordedCommand, units: readonly WantedUnit[]): WantedContainer {
  const name = command.container ?? "";
  const { DEFINITION = "" } = readAssignments(command.document).values;
  return {
    name,
    command,
    definition: definition.parse(JSON.parse(DEFINITION)),
    units: units.filter((unit) => unit.command.container === name),
  };
}

function unitOf(command: RecordedCommand): WantedUnit | undefined {
  const said = readContainerDocument(command.document);
  if (said === undefined) return undefined;
  return {
    name: said.unit,
    command,
    files: filesOf(said.body),
    ...declaredIn(said.body),
    parameters: readAssignments(said.body).values,
  };
}

/** A systemd unit that a unit of files looks after. */
export interface WantedService {
  readonly name: string;
  readonly unit: WantedUnit;
  /** Debian's own one with a file of ours beside it, which is not ours to replace. */
  readonly isVendors: boolean;
  readonly state: "running" | "masked";
}

const systemd = "/etc/systemd/system";

/** Debian's services that a unit keeps from ever starting. */
const masked: Readonly<Record<string, readonly string[]>> = {
  postgres: ["postgresql.service", "pgbouncer.service"],
};

/**
 * What a unit's files say about systemd: what is started at boot has to run. What has no `[Install]` is started by
 * something else when it is its time, and is not looked at.
 */
export function servicesOf(unit: WantedUnit): readonly WantedService[] {
  const running = unit.files.flatMap(({ path, content }): WantedService[] => {
    const common = { unit, state: "running" as const };
    const [, vendors] = /^\/etc\/systemd\/system\/([^/]+)\.d\/[^/]+\.conf$/.exec(path) ?? [];
    if (vendors !== undefined) return [{ ...common, name: vendors, isVendors: true }];
    const isOurs = posix.dirname(path) === systemd && /^\[Install\]$/m.test(content);
    return isOurs ? [{ ...common, name: posix.basename(path), isVendors: false }] : [];
  });
  const first = running.filter(({ name }, at) => running.findIndex((one) => one.name === name) === at);
  const never = (masked[unit.name] ?? []).map((name): WantedService => {
    return { name, unit, isVendors: true, state: "masked" };
  });
  return [...first, ...never];
}

/** The instance of an application that a unit rolls out. */
export interface WantedRelease {
  readonly unit: WantedUnit;
  readonly app: string;
  readonly instance: string;
  /** What `current` points to. */
  readonly link: string;
  /** What it is: one program, or the directory that an archive was unpacked to. */
  readonly from:
    | { readonly kind: "program"; readonly path: string; readonly sha256: string }
    | { readonly kind: "archive"; readonly directory: string };
}

export function releaseOf(unit: WantedUnit): WantedRelease | undefined {
  const { APP, INSTANCE = "", ARTIFACT_NAME, ARTIFACT_SHA256 } = unit.parameters;
  if (APP === undefined || ARTIFACT_NAME === undefined || ARTIFACT_SHA256 === undefined) return undefined;
  const isArchive = /\.(tar\.gz|tgz)$/.test(ARTIFACT_NAME);
  const link = `releases/${ARTIFACT_SHA256.slice(0, 12)}`;
  return {
    unit,
    app: APP,
    instance: INSTANCE,
    link,
    from: isArchive
      ? { kind: "archive", directory: `/opt/veza/${APP}/${link}` }
      : { kind: "program", path: `${currentOf(APP)}/${ARTIFACT_NAME}`, sha256: ARTIFACT_SHA256 },
  };
}

/** The link to an application's running release. */
export function currentOf(app: string): string {
  return `/opt/veza/${app}/current`;
}

/** Directories that the stack has whole, where it has files in them; others may have files beside ours. */
const whole = [
  "/usr/local/lib/veza",
  "/usr/local/etc/tls/placeholders",
  "/etc/veza",
  "/etc/haproxy/current",
  "/etc/dehydrated/certificates.d",
  "/etc/postgresql/veza",
  "/etc/pebble",
];

/** Where systemd takes settings of a unit from, besides the unit itself. */
const dropIns = [systemd, `${systemd}.control`, "/run/systemd/system", "/run/systemd/system.control"];

/** Every place in a container in which a file that nobody applied is drift. */
export function wholePlaces({ units }: WantedContainer): readonly string[] {
  const paths = units.flatMap(({ files }) => files.map(({ path }) => path));
  const running = units.flatMap(servicesOf).filter(({ state }) => state === "running");
  return [
    ...whole
      .filter((place) => paths.some((path) => path.startsWith(`${place}/`)))
      .map((place) => `${place}/`),
    ...running.flatMap(({ name }) => dropIns.map((place) => `${place}/${name}.d/`)),
    // What stands there instead of Debian's own.
    ...running.filter(({ isVendors }) => isVendors).map(({ name }) => `${systemd}/${name}`),
    ...units.flatMap((unit) => {
      const release = releaseOf(unit);
      return release?.from.kind === "program" ? [`${currentOf(release.app)}/`] : [];
    }),
  ];
}

/** Files in such places that a unit's follow-up makes by itself. */
export const madeBeside: readonly string[] = ["/etc/haproxy/current/release.cfg"];

/** Copies that a service keeps of what it was started with, with the content that they have when that is in force. */
export function startedWith(
  units: readonly WantedUnit[],
): readonly { readonly path: string; readonly content: string }[] {
  return units
    .flatMap(({ files }) => files)
    .filter(({ path }) => path === `${systemd}/haproxy.service.d/veza.conf`)
    .map(({ content }) => ({ path: "/run/haproxy/started-with.conf", content }));
}
