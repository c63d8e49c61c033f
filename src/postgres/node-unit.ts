import { z } from "zod";
import { postgresPorts as ports } from "../config/postgres.ts";
import type { FileSpec } from "../incus/file-spec.ts";
import type { DirectorySpec, FilesSpec } from "../incus/files-body.ts";
import { assignments } from "../shell/quote.ts";
import { readScript } from "../shell/read-script.ts";
import { renderTemplate } from "../templating/render.ts";
import { ownersOf, type PostgresNodeSpec } from "./model.ts";

/** The program that changes a node; see its head for its verbs. */
export const nodeProgram = "/usr/local/lib/veza/postgres";

/** What outlives a node's container. */
export const dataVolumePath = "/var/lib/postgresql";

/** Major version, as Debian's paths have it. */
const version = "17";
const data = `${dataVolumePath}/${version}/veza`;
const pgpass = "/etc/postgresql/veza/pgpass";
const userlist = "/etc/pgbouncer/veza-users.txt";

const libraries = {
  sh: ["settings", "facts", "peer", "door", "service", "roles", "differs", "copy", "member"],
  sql: [
    "facts",
    "full-facts",
    "end-clients",
    "cluster",
    "replicator",
    "owner",
    "login",
    "database",
    "renew-slot",
    "keep-slot",
    "other-settings",
    "other-roles",
    "promote",
  ],
} as const;

const directories: readonly DirectorySpec[] = [
  { path: "/etc/postgresql/veza", mode: "0755", owner: "root:root" },
  { path: "/etc/pgbouncer", mode: "0755", owner: "root:root" },
];

/**
 * All of a node that a reviewer reads: configuration, program and services. Needs `nodeSecretsUnit` before Postgres can
 * run. Applied to a node with data it is taken over there and then; where Postgres has to be restarted for it, a standby
 * is, and a primary says so.
 */
export function nodeUnit(spec: PostgresNodeSpec): FilesSpec {
  return {
    unit: "postgres",
    directories,
    files: [...configuration(spec), environmentFile(spec), ...programFiles(), ...services(spec)],
    followUp: {
      script: readScript(import.meta.url, "node.sh"),
      parameters: { NODE: spec.name, VERSION: version },
    },
  };
}

/** Passwords by role: of `replicator`, and of each role that logs in. */
export type Passwords = Readonly<Record<string, string>>;

/** What a node must not show anybody. Applied before `nodeUnit`; a primary changes its roles when it changes. */
export function nodeSecretsUnit(passwords: Passwords): FilesSpec {
  const roles = Object.entries(passwords);
  const clients = roles.filter(([role]) => role !== "replicator");
  const file = (path: string, owner: string, lines: readonly string[]): FileSpec => ({
    path,
    content: lines.map((line) => `${line}\n`).join(""),
    mode: owner === "root:root" ? "0600" : "0400",
    owner,
  });
  return {
    unit: "postgres-secrets",
    directories,
    files: [
      file(
        "/etc/postgresql/veza/passwords",
        "root:root",
        roles.map(([role, password]) => `${role} ${password}`),
      ),
      file(pgpass, "postgres:postgres", [`*:*:*:replicator:${passwords["replicator"] ?? ""}`]),
      file(
        userlist,
        "postgres:postgres",
        clients.map(([role, password]) => `"${role}" "${password}"`),
      ),
    ],
    followUp: { script: readScript(import.meta.url, "secrets.sh") },
  };
}

const words = z.record(z.string(), z.string());

function rooted(path: string, content: string, mode = "0644"): FileSpec {
  return { path, content, mode, owner: "root:root" };
}

function configuration(spec: PostgresNodeSpec): FileSpec[] {
  const { memory, peer } = spec;
  const settings = renderTemplate("etc/postgresql/veza/postgresql.conf.hbs", words, {
    node: spec.name,
    data,
    port: String(ports.postgres),
    maxConnections: String(spec.connections),
    reservedConnections: String(spec.reservedConnections),
    memory: spec.memoryFrom,
    sharedBuffersMiB: String(memory.sharedBuffersMiB),
    effectiveCacheMiB: String(memory.effectiveCacheMiB),
    maintenanceMiB: String(memory.maintenanceMiB),
    workMiB: String(memory.workMiB),
    walKeepMiB: String(spec.walKeepMiB),
    slotKeepMiB: String(spec.slotKeepMiB),
    peerAddress: peer.address,
    pgpass,
    slot: spec.slot,
    synchronousStandby: spec.sync ? peer.slot : "",
  });
  const databases = spec.databases.map(({ name, owner }) => ({ name, owner }));
  const database = z.object({ name: z.string(), owner: z.string() });
  const access = renderTemplate(
    "etc/postgresql/veza/pg_hba.conf.hbs",
    z.strictObject({ peerAddress: z.string(), databases: z.array(database) }),
    { peerAddress: peer.address, databases },
  );
  const bouncer = renderTemplate(
    "etc/pgbouncer/veza.ini.hbs",
    z.strictObject({
      databases: z.array(database),
      postgresPort: z.string(),
      port: z.string(),
      userlist: z.string(),
      poolSize: z.string(),
      maxClients: z.string(),
    }),
    {
      databases,
      postgresPort: String(ports.postgres),
      port: String(ports.pgbouncer),
      userlist,
      poolSize: String(spec.poolSize),
      // Those beyond the pool wait their turn.
      maxClients: String(10 * spec.connections),
    },
  );
  return [
    rooted("/etc/postgresql/veza/postgresql.conf", settings),
    rooted("/etc/postgresql/veza/pg_hba.conf", access),
    rooted(
      "/etc/postgresql/veza/pg_ident.conf",
      renderTemplate("etc/postgresql/veza/pg_ident.conf.hbs", z.strictObject({}), {}),
    ),
    rooted("/etc/pgbouncer/veza.ini", bouncer),
  ];
}

function environmentFile(spec: PostgresNodeSpec): FileSpec {
  const lines = assignments({
    NODE: spec.name,
    PEER: spec.peer.name,
    PEER_ADDRESS: spec.peer.address,
    INITIAL_PRIMARY: spec.initialPrimary,
    SLOT: spec.slot,
    PEER_SLOT: spec.peer.slot,
    DATABASES: spec.databases.map(({ name, owner }) => `${name}:${owner}`).join(" "),
    OWNERS: ownersOf(spec.databases).join(" "),
    VERSION: version,
    POSTGRES_PORT: ports.postgres,
    BOUNCER_PORT: ports.pgbouncer,
    HEALTH_PORT: ports.health,
  });
  return rooted("/etc/veza/postgres.env", renderTemplate("etc/veza/postgres.env.hbs", words, { lines }));
}

function programFiles(): FileSpec[] {
  const text = (path: string): string => renderTemplate(`usr/local/lib/veza/${path}`, z.strictObject({}), {});
  const library = (name: string): FileSpec =>
    rooted(`/usr/local/lib/veza/postgres.d/${name}`, text(`postgres.d/${name}`));
  return [
    rooted(nodeProgram, text("postgres.sh"), "0755"),
    rooted("/usr/local/lib/veza/pg-health", text("pg-health.sh"), "0755"),
    ...libraries.sh.map((name) => library(`${name}.sh`)),
    ...libraries.sql.map((name) => library(`${name}.sql`)),
  ];
}

function services({ name }: PostgresNodeSpec): FileSpec[] {
  const unit = (file: string, view: Readonly<Record<string, string>> = {}): FileSpec =>
    rooted(
      `/etc/systemd/system/${file}`,
      renderTemplate(`etc/systemd/system/${file}.hbs`, words, { node: name, ...view }),
    );
  return [
    unit("veza-postgres.service", { version }),
    unit("veza-pgbouncer.service"),
    unit("veza-postgres-watch.service"),
    unit("pg-health.socket", { port: String(ports.health) }),
    unit("pg-health.service"),
  ];
}
