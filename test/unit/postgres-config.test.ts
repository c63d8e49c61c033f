import { describe, expect, it } from "@jest/globals";
import { loadConfig } from "../../src/config/load.ts";
import { mistakesOf } from "./support/mistakes.ts";

const sha256 = "0123456789abcdef".repeat(4);
type Entry = Record<string, unknown>;

/** A small stack with a database and one fleet that uses it. */
function stackFile(postgres: Entry = {}, fleet: Entry = {}): Record<string, unknown> {
  return {
    "veza-edge:hosts": { main: { connection: "local" } },
    "veza-edge:network": { gateway: "10.77.0.1/24" },
    "veza-edge:postgres": {
      nodes: [
        { id: 1, address: "10.77.0.51" },
        { id: 2, address: "10.77.0.52" },
      ],
      routers: [{ id: 1, address: "10.77.0.55" }],
      ...postgres,
    },
    "veza-edge:fleets": {
      "backend-api": {
        pool: "api_pool",
        port: 8080,
        healthPath: "/api/v1/health",
        user: "veza-api",
        database: "veza",
        artifact: { path: "api.mjs", sha256 },
        instances: [{ id: 1, address: "10.77.0.21" }],
        ...fleet,
      },
    },
  };
}

const mistakes = (config: Record<string, unknown>): readonly string[] => mistakesOf("lab", config);

describe("a stack with a database", () => {
  it("needs two nodes and a router, and has a database called veza", () => {
    expect(mistakes(stackFile())).toEqual([]);
    const { postgres } = loadConfig("lab", stackFile());
    expect(postgres).toMatchObject({ databases: [{ name: "veza", owner: "veza" }], sync: false });
    expect(mistakes(stackFile({ nodes: [{ id: 1, address: "10.77.0.51" }] }))).toEqual([
      "postgres.nodes: must be two: the primary and its standby",
    ]);
  });

  it("is told what its nodes, routers and databases have in common", () => {
    const wrong = {
      nodes: [
        { id: 1, address: "10.77.0.51" },
        { id: 1, address: "10.77.0.21" },
      ],
      routers: [{ id: 1, address: "10.77.0.51" }],
      databases: [
        { name: "music", owner: "postgres" },
        { name: "music", owner: "veza" },
      ],
    };
    expect(mistakes(stackFile(wrong))).toEqual([
      "postgres.nodes[1].id: id 1 is that of [0] already",
      "postgres.databases[0].owner: is the name of a role that Postgres or the nodes have for themselves",
      "postgres.databases[1].name: music is listed twice",
      "postgres.routers[0].address: 10.77.0.51 is also the address of postgres-1 (veza-edge:postgres.nodes[0].address)",
      "fleets.backend-api.instances[0].address: 10.77.0.21 is also the address of postgres-1 (veza-edge:postgres.nodes[1].address)",
      "fleets.backend-api.database: there is no database 'veza'",
    ]);
  });

  it("is told about nodes that do not exist, and about less WAL at most than in any case", () => {
    const routers = [{ id: 1, address: "10.77.0.55", localNode: 3 }];
    expect(mistakes(stackFile({ routers, initialPrimary: 4, walKeepMiB: 5_000 }))).toEqual([
      "postgres.initialPrimary: there is no node 4; there are: 1, 2",
      "postgres.routers[0].localNode: there is no node 3; there are: 1, 2",
      "postgres.walKeepMiB: must not be more than slotKeepMiB (4096)",
    ]);
  });

  it("is told that nobody reaches a database on another host", () => {
    const config = stackFile({ routers: [{ id: 1, address: "10.77.0.55", host: "other" }] });
    const ssh = { connection: "ssh", address: "other.example", hostKey: "ssh-ed25519 AAAA" };
    const nodes = [1, 2].map((id) => ({ id, address: `10.77.0.5${String(id)}`, host: "main" }));
    Object.assign(config["veza-edge:postgres"] as object, { nodes });
    config["veza-edge:hosts"] = { main: { connection: "local" }, other: ssh };
    Object.assign((config["veza-edge:fleets"] as Record<string, Entry>)["backend-api"] ?? {}, {
      instances: [{ id: 1, address: "10.77.0.21", host: "main" }],
    });
    expect(mistakes(config)).toEqual([
      "postgres.routers[0].host: db-router-1 on other and postgres-1 on main cannot reach each other: there is no network between the bridges of two hosts yet",
    ]);
  });
});

describe("a fleet with a database", () => {
  it("needs one that the stack has", () => {
    const config = stackFile();
    delete config["veza-edge:postgres"];
    expect(mistakes(config)).toEqual(["fleets.backend-api.database: there is no database 'veza'"]);
  });

  it("cannot set what it is told about it", () => {
    expect(mistakes(stackFile({}, { environment: { DATABASE_HOST: "a", OTHER: "b" } }))).toEqual([
      "fleets.backend-api.environment.DATABASE_HOST: is set by the fleet itself, from database",
    ]);
  });
});
