import { z } from "zod";
import { hostName, ipv4, port } from "./common.ts";
import { limitsSchema } from "./incus.ts";
import { poolNames } from "./pool.ts";

/** Where every instance's agent answers the load balancers. */
export const agentPort = 8079;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256: 64 lower-case hexadecimal digits");

/**
 * Name under which the artifact is installed. `.tar.gz` and `.tgz` are unpacked instead.
 * @default the last part of the path or URL
 */
const artifactName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, {
  error: "must be a plain file name: letters, digits, dots, dashes, underscores",
});

export type ArtifactConfig =
  | { readonly path: string; readonly sha256?: string | undefined; readonly name?: string | undefined }
  | { readonly url: string; readonly sha256: string; readonly name?: string | undefined };

const artifact = z
  .strictObject({
    /** A file on the machine that runs `pulumi`, absolute or relative to the project. This or `url`. */
    path: z.string().min(1).optional(),
    /** Where each instance itself downloads the file from. This or `path`. */
    url: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
    /** SHA-256 the file must have; needed with `url`. @default with `path`, whatever the file has when the program runs */
    sha256: sha256.optional(),
    name: artifactName.optional(),
  })
  .transform(({ path, url, sha256, name }, context): ArtifactConfig => {
    if (path !== undefined && url === undefined) return { path, sha256, name };
    if (path === undefined && url !== undefined && sha256 !== undefined) return { url, sha256, name };
    context.addIssue(
      (path === undefined) === (url === undefined)
        ? { code: "custom", message: "must have one of path and url" }
        : {
            code: "custom",
            path: ["sha256"],
            message: "is needed with url: nothing else says what may be started",
          },
    );
    return z.NEVER;
  });

/** Set for every instance from its own address book; a fleet cannot set them. */
export const reservedVariables = ["INSTANCE", "PORT", "SHUTDOWN_SECONDS"] as const;

/** Set in a fleet with a database, where it cannot set them either. */
export const databaseVariables = [
  "DATABASE_HOST",
  "DATABASE_PORT",
  "DATABASE_NAME",
  "DATABASE_USER",
  "DATABASE_PASSWORD",
] as const;

/** systemd drops a variable with other control characters or broken Unicode without an error, so they are refused here. */
const variableValue = z.string().refine((value) => isText(value, "\t\n"), {
  error: "must be text; of the control characters only tab and newline are possible",
});

const commandWord = z
  .string()
  .min(1)
  .refine((word) => isText(word, ""), "must not hold control characters");

const instance = z.strictObject({
  /** Part of the container's name and HAProxy's server id. Never given to another instance: hash positions follow it. */
  id: z.int().min(1).max(999),
  /** IPv4 address on the stack's bridge. */
  address: ipv4,
  /** Host that the container lives on. @default the stack's only host */
  host: hostName.optional(),
});

const fleet = z
  .strictObject({
    /** Pool of the load balancer that the instances serve. */
    pool: z.enum(poolNames),
    /** Port the application listens on. */
    port: port.refine((value) => value !== agentPort, `is the port of the instance's agent`),
    /** Path that answers 200 while the instance can serve; touches no database. */
    healthPath: z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, "must be a plain path such as /health"),
    /** System user that the application runs as; made when missing. */
    user: z.string().regex(/^[a-z_][a-z0-9_-]{0,30}$/, "must be a system user's name"),
    /**
     * The program and its arguments, one word each; no shell reads them. Written `/opt/veza/<fleet>/current/…`
     * where it lies in the artifact.
     * @default [/opt/veza/<fleet>/current/<fleet>]
     */
    command: z
      .tuple(
        [z.string().regex(/^\/[A-Za-z0-9._+/-]+$/, "must be the absolute path of a program")],
        commandWord,
      )
      .optional(),
    artifact,
    /** Environment of the application. Nothing secret: it is readable in previews and state. @default {} */
    environment: z
      .record(z.string(), variableValue)
      .superRefine((environment, context) => {
        for (const name of Object.keys(environment)) {
          const message = mistakeInName(name);
          if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
        }
      })
      .default({}),
    /**
     * Name of one of `postgres.databases`: its address, name, user and password come as DATABASE_HOST, DATABASE_PORT,
     * DATABASE_NAME, DATABASE_USER and DATABASE_PASSWORD. @default none
     */
    database: z.string().optional(),
    /**
     * Seconds a planned stop waits for requests to end, first with the load balancers sending no new ones, then
     * (SHUTDOWN_SECONDS) after SIGTERM. @default 30
     */
    drainSeconds: z.int().min(0).max(3600).default(30),
    /** Seconds a new version has until it answers its health check, and again until every load balancer sees it. @default 60 */
    healthSeconds: z.int().min(5).max(3600).default(60),
    /** How many instances a roll-out changes at a time. @default 1 */
    maxUnavailable: z.int().min(1).default(1),
    /** Size limits of each instance's container. @default none */
    limits: limitsSchema.optional(),
    /** Releases kept on each instance, with the running one. @default 3 */
    keepReleases: z.int().min(2).max(100).default(3),
    /** May be empty: the fleet then has no container. */
    instances: z.array(instance).superRefine((instances, context) => {
      for (const key of ["id", "address"] as const) {
        for (const [index, first] of repeated(instances.map((one) => one[key]))) {
          context.addIssue({
            code: "custom",
            path: [index, key],
            message: `${key} ${String(instances[index]?.[key])} is that of instances[${String(first)}] already`,
          });
        }
      }
    }),
  })
  .superRefine(({ maxUnavailable, instances, database, environment }, context) => {
    for (const name of database === undefined ? [] : databaseVariables) {
      if (name in environment)
        context.addIssue({
          code: "custom",
          path: ["environment", name],
          message: "is set by the fleet itself, from database",
        });
    }
    if (maxUnavailable > 1 && maxUnavailable >= instances.length) {
      context.addIssue({
        code: "custom",
        path: ["maxUnavailable"],
        message: `must be smaller than the number of instances (${String(instances.length)}): a roll-out would stop all of them at once`,
      });
    }
  });

const fleetName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,38}[a-z0-9]$/, "must be lower-case letters, digits and dashes")
  .refine((name) => !/^(systemd-.*|veza-agent|haproxy)$/.test(name), "is the name of another service");

/** `veza-edge:fleets`: the applications behind the load balancer, by name. */
export const fleetsSchema = z.record(fleetName, fleet).superRefine((fleets, context) => {
  const members = Object.entries(fleets).flatMap(([name, { pool, instances }]) =>
    instances.map(({ id }, index) => ({ name, pool, id, index })),
  );
  for (const [again, first] of repeated(members.map(({ pool, id }) => `${pool} ${String(id)}`))) {
    const [member, other] = [members[again], members[first]];
    if (member === undefined || other === undefined || member.name === other.name) continue;
    context.addIssue({
      code: "custom",
      path: [member.name, "instances", member.index, "id"],
      message: `id ${String(member.id)} is taken in ${member.pool} by ${other.name}: fleets of one pool share its server ids`,
    });
  }
});

export type FleetsConfig = z.infer<typeof fleetsSchema>;
export type FleetConfig = z.infer<typeof fleet>;

function mistakeInName(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    return "must be a variable's name: letters, digits and underscores";
  if (!(reservedVariables as readonly string[]).includes(name)) return undefined;
  return "is set by the fleet itself (INSTANCE and PORT by its instances, SHUTDOWN_SECONDS by drainSeconds)";
}

/** Positions of values that occurred before, each with the position of the first. */
function repeated(values: readonly (string | number)[]): [again: number, first: number][] {
  return values.flatMap((value, index): [number, number][] => {
    const first = values.indexOf(value);
    return first === index ? [] : [[index, first]];
  });
}

function isText(value: string, allowedControls: string): boolean {
  return (
    value.isWellFormed() && !Array.from(value).some((c) => /\p{Cc}/u.test(c) && !allowedControls.includes(c))
  );
}
