import type * as pulumi from "@pulumi/pulumi";
import type { ImagesConfig } from "./config/incus.ts";
import { databaseRouterName, postgresPorts, type PostgresConfig } from "./config/postgres.ts";
import type { StackConfig } from "./config/stack.ts";
import type { DatabaseAddress } from "./fleet/model.ts";
import type { FleetDatabase } from "./fleet/fleet.ts";
import { DatabaseRouter } from "./haproxy/database-router.ts";
import type { Site } from "./incus/site.ts";
import { PostgresCluster } from "./postgres/cluster.ts";
import { loginRole } from "./postgres/model.ts";

/** Where a container goes: its host, by name (undefined: the stack's only one), and its image. */
export type SiteOf = (host: string | undefined, image: keyof ImagesConfig) => Site;

/** The database nodes of a stack and the routers in front of them. */
export interface EdgeDatabase {
  /** The database that a fleet's config names. @throws RangeError when there is no such database */
  forFleet(database: string): FleetDatabase;
  /** Of the login that the stack's output `database` names; secret. */
  readonly password: pulumi.Output<string>;
}

export function edgeDatabase(
  postgres: PostgresConfig,
  { network, volumes }: Pick<StackConfig, "network" | "volumes">,
  site: SiteOf,
  opts: pulumi.ComponentResourceOptions,
): EdgeDatabase {
  const cluster = new PostgresCluster(
    "postgres",
    { config: postgres, site: (host) => site(host, "postgres"), keepData: volumes === "keep" },
    opts,
  );
  const routers: DatabaseRouter[] = [];
  for (const router of postgres.routers) {
    routers.push(
      new DatabaseRouter(
        databaseRouterName(router.id),
        {
          router,
          config: postgres,
          network,
          site: site(router.host, "haproxy"),
          after: routers.map(({ applied }) => applied),
        },
        opts,
      ),
    );
  }
  const ready = [...cluster.ready, ...routers.map(({ applied }) => applied)];
  return {
    forFleet: (database) => ({
      at: (host) => databaseAddress(postgres, database, host),
      password: cluster.login(database).password,
      ready,
    }),
    password: cluster.login(firstDatabase(postgres).name).password,
  };
}

/**
 * How clients on a host reach a database: through the router on that host, else through the first one.
 * @param host undefined: the stack's only one
 * @throws RangeError when there is no such database
 */
export function databaseAddress(
  { databases, routers, passwordRevision }: PostgresConfig,
  name: string,
  host: string | undefined,
): DatabaseAddress {
  const found = databases.find((database) => database.name === name);
  const router = routers.find((one) => one.host === host) ?? routers[0];
  if (found === undefined || router === undefined) throw new RangeError(`there is no database '${name}'`);
  return {
    host: router.address,
    port: postgresPorts.vip,
    name,
    user: loginRole(found.owner, passwordRevision),
  };
}

/** The one that the stack's outputs tell of. */
export function firstDatabase({ databases }: PostgresConfig): PostgresConfig["databases"][number] {
  const [first] = databases;
  if (first === undefined) throw new RangeError("veza-edge:postgres has no database");
  return first;
}
