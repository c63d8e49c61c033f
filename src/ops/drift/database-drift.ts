import type { Drift, DriftKind, Mend, Place } from "./item.ts";
import type { SeenInside } from "./seen.ts";
import { readDetails } from "./topology-drift.ts";
import type { WantedUnit } from "./wanted.ts";

/** Files that Postgres reads when it is told to reload. */
const readOnReload = ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"].map(
  (name) => `/etc/postgresql/veza/${name}`,
);

/**
 * Where a node's Postgres runs otherwise than its files say, and a primary's roles and databases are otherwise than an
 * update makes them.
 * @param others what was found otherwise in the same container
 */
export function databaseDrift(
  at: Place,
  unit: WantedUnit,
  seen: SeenInside,
  others: readonly Drift[],
): Drift[] {
  if (unit.name !== "postgres" || seen.database === undefined) return [];
  const again: Mend = { do: "apply", command: unit.command };
  const drift = (kind: DriftKind, subject: string, says: string, ...mends: Mend[]): Drift => ({
    ...{ ...at, kind, subject },
    says,
    mends,
  });
  const { lines } = seen.database;
  const of = (kind: string): typeof lines => lines.filter((line) => line.kind === kind);
  const isStandby = readDetails(seen.details ?? "")?.role === "standby";
  const altered = of("altered");
  const [read] = of("read");
  const unread = readOnReload.filter(
    (path) =>
      (seen.files.get(path)?.changed ?? 0) > Number(read?.name ?? Infinity) &&
      !others.some(({ kind, subject }) => kind === "file" && subject === path),
  );
  return [
    ...altered.map(({ name, text }) => drift("setting", name, `ALTER SYSTEM has set it to ${text}`, again)),
    ...of("waiting")
      .filter(({ name }) => !altered.some((one) => one.name === name))
      .map(({ name }) => {
        const says = "Postgres goes on with its old value until it is restarted";
        // A standby is restarted when its configuration is applied again; of a primary clients would notice.
        if (isStandby) return drift("setting", name, says, again);
        const how = `bin/veza flip-db, then systemctl restart veza-postgres in ${at.container ?? ""}`;
        return drift("setting", name, `${says}: ${how}`);
      }),
    ...unread.map((path) =>
      drift(
        "running",
        path,
        "it was written after Postgres had read it, so nobody knows what Postgres has of it",
        again,
      ),
    ),
    ...of("role").map(({ name, text }) => drift("role", name, text, again)),
    ...of("database").map(({ name, text }) => drift("database", name, text, again)),
    ...of("superuser").map(({ name }) =>
      drift(
        "role",
        name,
        `it is a superuser that nobody applied: drop role "${name}", or alter role "${name}" nosuperuser`,
      ),
    ),
  ];
}
