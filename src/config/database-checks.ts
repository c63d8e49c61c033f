import { missingPackages } from "./image-checks.ts";
import { apart, located } from "./placed.ts";
import { yamlPath, type Problem } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

/** Nodes, routers and the applications behind them reach each other, and every database that is asked for is there. */
export function databaseChecks(config: Sketch): Problem[] {
  return [...onOneHost(config), ...references(config), ...packages(config)];
}

function onOneHost(config: Sketch): Problem[] {
  const users = Object.entries(config.fleets).flatMap(([fleet, { database }]) =>
    database === undefined ? [] : fleet,
  );
  const members = located(config).filter(
    ({ path: [room, fleet] }) =>
      room === "postgres" || (room === "fleets" && users.some((user) => user === fleet)),
  );
  const first = members.filter(({ path }) => path[0] === "postgres").slice(0, 1);
  return apart(
    members,
    first,
    "place database nodes, their routers and the fleets that use them on one host",
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
