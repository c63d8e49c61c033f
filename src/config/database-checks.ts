import { missingPackages } from "./image-checks.ts";
import { databaseRouterName, postgresNodeName } from "./postgres.ts";
import { yamlPath, type Problem } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

/** Nodes, routers and the applications behind them reach each other, and every database that is asked for is there. */
export function databaseChecks(config: Sketch): Problem[] {
  return [...onOneHost(config), ...references(config), ...packages(config)];
}

interface Member {
  readonly name: string;
  readonly host: string;
  readonly path: readonly PropertyKey[];
}

/** As for load balancers and what is behind them: the bridges of two hosts have nothing in common. */
function onOneHost(config: Sketch): Problem[] {
  const { postgres, fleets } = config;
  const hosts = Object.keys(config.hosts);
  const [only] = hosts.length === 1 ? hosts : [];
  const member = (name: string, host: string | undefined, path: readonly PropertyKey[]): Member[] => {
    const on = host ?? only;
    return on === undefined || !hosts.includes(on) ? [] : [{ name, host: on, path }];
  };
  const [first, ...others] = [
    ...(postgres?.nodes ?? []).flatMap(({ id = 0, host }, n) =>
      member(postgresNodeName(id), host, ["postgres", "nodes", n]),
    ),
    ...(postgres?.routers ?? []).flatMap(({ id = 0, host }, n) =>
      member(databaseRouterName(id), host, ["postgres", "routers", n]),
    ),
    ...Object.entries(fleets).flatMap(([fleet, { database, instances }]) =>
      database === undefined
        ? []
        : instances.flatMap(({ id = 0, host }, n) =>
            member(`${fleet}-${String(id)}`, host, ["fleets", fleet, "instances", n]),
          ),
    ),
  ];
  if (first === undefined || postgres === undefined) return [];
  return others.flatMap(({ name, host, path }) =>
    host === first.host
      ? []
      : [
          {
            path: yamlPath([...path, "host"]),
            message: `${name} on ${host} and ${first.name} on ${first.host} cannot reach each other: there is no network between the bridges of two hosts yet`,
            hint: "place database nodes, their routers and the fleets that use them on one host",
          },
        ],
  );
}

function references({ postgres, fleets }: Sketch): Problem[] {
  const known = (postgres?.databases ?? []).flatMap(({ name }) => name ?? []);
  return Object.entries(fleets).flatMap(([fleet, { database }]) =>
    database === undefined || known.includes(database)
      ? []
      : [
          {
            path: yamlPath(["fleets", fleet, "database"]),
            message: `there is no database '${database}'`,
            hint:
              postgres === undefined
                ? "add veza-edge:postgres"
                : `veza-edge:postgres.databases has: ${known.join(", ")}`,
          },
        ],
  );
}

/** What the nodes' image has to have, whatever else is in it. */
const needed = ["postgresql", "pgbouncer"];

function packages({ postgres, images }: Sketch): Problem[] {
  return postgres === undefined ? [] : missingPackages(images, "postgres", needed, "veza-edge:postgres");
}
