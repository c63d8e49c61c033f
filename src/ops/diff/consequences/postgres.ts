import {
  calm,
  careful,
  containerOf,
  listed,
  textOf,
  without,
  type BothSides,
  type Consequence,
  type UnitConsequences,
} from "./consequence.ts";

const configuration = "/etc/postgresql/veza/postgresql.conf";
const environment = "/etc/veza/postgres.env";
const units = "/etc/systemd/system/";

/**
 * Settings of our postgresql.conf that Postgres 17 reads only when it starts (`context = 'postmaster'` in pg_settings).
 * All others follow a reload.
 */
export const readAtStart: ReadonlySet<string> = new Set([
  "cluster_name",
  "data_directory",
  "hba_file",
  "hot_standby",
  "ident_file",
  "listen_addresses",
  "max_connections",
  "max_replication_slots",
  "max_wal_senders",
  "port",
  "reserved_connections",
  "shared_buffers",
  "unix_socket_directories",
  "wal_level",
]);

/** Unit `postgres`: node.sh, and `postgres apply` that it ends with. */
export const postgres: UnitConsequences = {
  created: (after) => [calm(`installs Postgres, PgBouncer and pg-health on ${containerOf(after)}`)],
  changed: (change) => [
    calm(
      `restarts pg-health and the watch on ${containerOf(change.after)}, and has Postgres and PgBouncer reload: no session ends`,
    ),
    ...ofSettings(change),
    ...ofUnits(change),
    ...ofDatabases(change),
  ],
  deleted: (before) => [careful(`stops Postgres on ${containerOf(before)}`)],
};

/** Unit `postgres-secrets`: secrets.sh. */
export const postgresSecrets: UnitConsequences = {
  created: () => [],
  changed: ({ secret, after }) =>
    secret
      ? [
          calm(
            `${containerOf(after)} takes over other passwords: PgBouncer reloads, and a primary sets those of its roles; sessions go on`,
          ),
        ]
      : [],
  deleted: () => [],
};

/** The program that makes or copies data where there is none. */
export function bootstrap(container: string, first: boolean): Consequence[] {
  return [
    calm(
      first
        ? `gives ${container} its data when it has none: a new cluster, or a copy of the other node's`
        : `looks whether ${container} has its data, and changes nothing when it has`,
    ),
  ];
}

function ofSettings({ before, after }: BothSides): Consequence[] {
  const [was, is] = [before, after].map((step) => settingsOf(textOf(step, configuration)));
  if (was === undefined || is === undefined) return [];
  const differing = [...new Set([...was.keys(), ...is.keys()])].filter(
    (name) => was.get(name) !== is.get(name),
  );
  const needed = differing.filter((name) => readAtStart.has(name));
  if (needed.length === 0) return [];
  const node = containerOf(after);
  return [
    careful(
      `${listed(needed)} ${needed.length === 1 ? "takes" : "take"} a restart of Postgres: ${node} is restarted now if it is the standby, and goes on with the old ${needed.length === 1 ? "value" : "values"} if it is the primary (bin/veza flip-db first, then restart it)`,
    ),
  ];
}

function settingsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const [, name, value] = /^([a-z_]+) = (.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

/** node.sh restarts only what clients do not notice. */
function ofUnits({ files, after }: BothSides): Consequence[] {
  const waiting = ["veza-postgres.service", "veza-pgbouncer.service"].filter((unit) =>
    files.some(({ path }) => path === `${units}${unit}`),
  );
  return waiting.length === 0
    ? []
    : [
        careful(
          `${listed(waiting)} on ${containerOf(after)} ${waiting.length === 1 ? "keeps" : "keep"} running as before: the new unit counts from the next restart on (bin/veza flip-db first on the primary)`,
        ),
      ];
}

function ofDatabases({ before, after }: BothSides): Consequence[] {
  const [was = [], is = []] = [before, after].map((step) =>
    (/^DATABASES='([^']*)'$/m.exec(textOf(step, environment))?.[1] ?? "")
      .split(" ")
      .filter((one) => one !== ""),
  );
  const name = (one: string): string => one.split(":")[0] ?? one;
  const made = without(is.map(name), was.map(name));
  const left = without(was.map(name), is.map(name));
  return [
    ...(made.length > 0 ? [calm(`the primary makes the database ${listed(made)}`)] : []),
    ...(left.length > 0
      ? [careful(`nobody is let into the database ${listed(left)} any more; its data stays where it is`)]
      : []),
  ];
}
