import { z } from "zod";
import { readContainerDocument, unitDigest } from "../incus/document.ts";
import type { Connection } from "../incus/host.ts";

/** A command as the stack's state has it: what was said to which host when it was last applied. */
export interface RecordedCommand {
  readonly urn: string;
  readonly connection: Connection & { readonly privateKey?: string };
  readonly project: string;
  /** Undefined for what concerns the host as a whole. */
  readonly container: string | undefined;
  /** `container` for a container itself, else the unit of files in it; undefined for a program that was run in it. */
  readonly unit: string | undefined;
  /** The volume that it is about, with its storage pool; undefined for everything else. */
  readonly volume?: { readonly pool: string; readonly name: string };
  /** What the container or the volume remembers when exactly this was applied. */
  readonly digest: string | undefined;
  readonly document: string;
  /** What is said must not be shown to anybody. */
  readonly secret: boolean;
  readonly limitSeconds: number;
}

const secretMark = "4dabf18193072939515e22adb298388d";

/** Values that are marked as secret, as plain values: in an export that was made with `--show-secrets`, or by the SDK. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (secretMark in value && "plaintext" in value && typeof value.plaintext === "string")
    return plain(JSON.parse(value.plaintext));
  if (secretMark in value && "value" in value) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const connectionInputs = z.object({
  host: z.string(),
  port: z.number().default(22),
  user: z.string().default("root"),
  hostKey: z.string(),
  privateKey: z.string().optional(),
});

const exported = z.object({
  deployment: z
    .object({
      resources: z
        .array(
          z.object({
            urn: z.string(),
            type: z.string(),
            delete: z.boolean().optional(),
            inputs: z.record(z.string(), z.unknown()).default({}),
            outputs: z.record(z.string(), z.unknown()).default({}),
          }),
        )
        .default([]),
    })
    .nullable(),
});

const commandInputs = z.object({
  create: z.string(),
  stdin: z.string(),
  connection: connectionInputs.optional(),
  logging: z.string().optional(),
});

/** A resource as the stack's state has it, secrets in clear. */
export interface RecordedResource {
  readonly urn: string;
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The stack's resources in dependency order, from `pulumi stack export --show-secrets`. */
export function recordedResources(exportedState: unknown): RecordedResource[] {
  const { deployment } = exported.parse(exportedState);
  const values = (record: Record<string, unknown>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, plain(value)]));
  return (deployment?.resources ?? []).flatMap(({ urn, type, delete: leaving, inputs, outputs }) =>
    // A resource that is only waiting for its deletion is no longer what the stack wants.
    leaving === true ? [] : [{ urn, type, inputs: values(inputs), outputs: values(outputs) }],
  );
}

/** The stack's commands in dependency order, from `pulumi stack export --show-secrets`. */
export function recordedCommands(exportedState: unknown): RecordedCommand[] {
  return recordedResources(exportedState).flatMap((resource) => {
    if (!/^command:(local|remote):Command$/.test(resource.type)) return [];
    const inputs = commandInputs.safeParse(resource.inputs);
    if (!inputs.success) return [];
    const { create, stdin, connection, logging } = inputs.data;
    return [
      {
        urn: resource.urn,
        connection: connection === undefined ? { connection: "local" } : sshConnection(connection),
        document: stdin,
        secret: logging === "none",
        limitSeconds: Number(/ (\d+) bash -euo pipefail -s apply$/.exec(create)?.[1] ?? 600),
        ...subject(stdin),
      },
    ];
  });
}

function sshConnection(c: z.infer<typeof connectionInputs>): RecordedCommand["connection"] {
  const { host, privateKey, ...rest } = c;
  return { connection: "ssh", address: host, ...rest, ...(privateKey === undefined ? {} : { privateKey }) };
}

function subject(
  document: string,
): Pick<RecordedCommand, "project" | "container" | "unit" | "volume" | "digest"> {
  const said = readContainerDocument(document);
  if (said !== undefined)
    return {
      project: said.project,
      container: said.container,
      unit: said.unit,
      digest: unitDigest(said.body),
    };
  const parameter = (name: string): string | undefined =>
    new RegExp(`^${name}='([^']*)'$`, "m").exec(document)?.[1];
  const project = parameter("PROJECT") ?? "";
  // The first lines say what it is about.
  const [, kind, name = "", next] =
    /^PROJECT='[^']*'\n(CONTAINER|VOLUME)='([^']*)'\n([A-Z]+)=/.exec(document) ?? [];
  if (kind === "VOLUME") {
    const volume = { pool: parameter("STORAGE") ?? "", name };
    const digest = [parameter("KEEP"), parameter("SIZE")].filter(Boolean).join(" ");
    return { project, container: undefined, unit: undefined, volume, digest };
  }
  const container = kind === "CONTAINER" ? name : undefined;
  if (container === undefined || next !== "GENERATION")
    return { project, container, unit: undefined, digest: undefined };
  const digest = unitDigest(`${parameter("GENERATION") ?? ""}${parameter("DEFINITION") ?? ""}`);
  return { project, container, unit: "container", digest };
}
