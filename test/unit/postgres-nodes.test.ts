import { describe, expect, it } from "@jest/globals";
import { postgresSchema } from "../../src/config/postgres.ts";
import { memorySettings } from "../../src/postgres/memory.ts";
import { loginRole, postgresNodes, type ClusterConfig } from "../../src/postgres/model.ts";
import { nodeSecretsUnit, nodeUnit } from "../../src/postgres/node-unit.ts";
import { passwordFrom } from "../../src/postgres/passwords.ts";

const nodes = [
  { id: 1, address: "10.77.0.51", limits: { memoryMiB: 4096 } },
  { id: 2, address: "10.77.0.52", limits: { memoryMiB: 4096 } },
];

function config(changes: object = {}): ClusterConfig {
  return postgresSchema.parse({ nodes, routers: [{ id: 1, address: "10.77.0.61" }], ...changes });
}

/** A file of the first node. */
function fileOf(path: string, changes: object = {}, index: 0 | 1 = 0): string {
  const file = nodeUnit(postgresNodes(config(changes))[index]).files.find((one) => one.path === path);
  if (file === undefined) throw new Error(`the unit has no ${path}`);
  return file.content;
}

const settings = (changes: object = {}, index: 0 | 1 = 0): readonly string[] =>
  fileOf("/etc/postgresql/veza/postgresql.conf", changes, index).split("\n");

describe("the nodes of a cluster", () => {
  it("know each other by address, and by names that Postgres takes for slots", () => {
    const [first, second] = postgresNodes(config());
    expect(first).toMatchObject({
      name: "postgres-1",
      slot: "postgres_1",
      peer: { name: "postgres-2", address: "10.77.0.52", slot: "postgres_2" },
    });
    expect(second.peer).toEqual({ name: "postgres-1", address: "10.77.0.51", slot: "postgres_1" });
  });

  it("begin with the first as the primary, or with the one that the config names", () => {
    const initial = (changes: object): string[] =>
      postgresNodes(config(changes)).map(({ initialPrimary }) => initialPrimary);
    expect(initial({})).toEqual(["postgres-1", "postgres-1"]);
    expect(initial({ initialPrimary: 2 })).toEqual(["postgres-2", "postgres-2"]);
  });

  it("are two, neither more nor less", () => {
    expect(() => postgresNodes({ ...config(), nodes: nodes.slice(1) })).toThrow(RangeError);
    expect(() => postgresNodes({ ...config(), nodes: [...nodes, ...nodes] })).toThrow(RangeError);
  });

  it("share their sessions out to databases, and keep some for replication and operators", () => {
    const poolSize = (changes: object): number => postgresNodes(config(changes))[0].poolSize;
    expect(poolSize({ connections: 100 })).toBe(85);
    const databases = ["one", "two"].map((name) => ({ name, owner: name }));
    expect(poolSize({ connections: 100, databases })).toBe(42);
  });

  it("log in by turns", () => {
    expect([1, 2, 3].map((revision) => loginRole("veza", revision))).toEqual(["veza_a", "veza_b", "veza_a"]);
  });
});

describe("memory settings", () => {
  it("follow the container's limit", () => {
    expect(memorySettings(4096, 100)).toEqual({
      sharedBuffersMiB: 1024,
      effectiveCacheMiB: 3072,
      maintenanceMiB: 256,
      workMiB: 10,
    });
  });

  it("are modest without one, and stay sane at both ends", () => {
    expect(memorySettings(undefined, 100).sharedBuffersMiB).toBe(128);
    expect(memorySettings(64, 1_000)).toMatchObject({ sharedBuffersMiB: 16, workMiB: 1, maintenanceMiB: 16 });
    expect(memorySettings(262_144, 100)).toMatchObject({ workMiB: 64, maintenanceMiB: 1024 });
  });
});

describe("a node's configuration", () => {
  it("says nothing about who is the primary", () => {
    const without = (index: 0 | 1): string[] =>
      nodeUnit(postgresNodes(config({ initialPrimary: 1 }))[index])
        .files.filter(({ path }) => path !== "/etc/veza/postgres.env")
        .map(({ content }) => content);
    const other = (index: 0 | 1): string[] =>
      nodeUnit(postgresNodes(config({ initialPrimary: 2 }))[index])
        .files.filter(({ path }) => path !== "/etc/veza/postgres.env")
        .map(({ content }) => content);
    expect(other(0)).toEqual(without(0));
    expect(other(1)).toEqual(without(1));
  });

  it("has a standby follow the other node through its own slot", () => {
    expect(settings()).toEqual(
      expect.arrayContaining([
        "shared_buffers = 1024MB",
        "primary_slot_name = 'postgres_1'",
        "primary_conninfo = 'host=10.77.0.52 port=5432 user=replicator passfile=/etc/postgresql/veza/pgpass connect_timeout=5 application_name=postgres_1'",
        "max_slot_wal_keep_size = 4096MB",
        "wal_keep_size = 512MB",
      ]),
    );
  });

  it("waits for the other node with a commit only when asked to", () => {
    expect(settings()).toContain("synchronous_standby_names = ''");
    expect(settings({ sync: true })).toContain("synchronous_standby_names = 'postgres_2'");
    expect(settings({ sync: true }, 1)).toContain("synchronous_standby_names = 'postgres_1'");
  });

  it("lets in the node itself, its PgBouncer's clients and the other node, and nobody else", () => {
    const rules = fileOf("/etc/postgresql/veza/pg_hba.conf")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(rules).toEqual([
      "local all postgres peer",
      "local postgres veza_health peer map=health",
      "local veza veza_a,veza_b scram-sha-256",
      "host replication replicator 10.77.0.52/32 scram-sha-256",
      "host postgres replicator 10.77.0.52/32 scram-sha-256",
    ]);
  });

  it("has PgBouncer lead to this node's own Postgres", () => {
    const lines = fileOf("/etc/pgbouncer/veza.ini").split("\n");
    expect(lines).toContain("veza = host=/run/postgresql port=5432 dbname=veza");
    expect(lines).toContain("pool_mode = session");
  });
});

describe("a node's passwords", () => {
  const unit = nodeSecretsUnit({ replicator: "secret-1", veza_a: "secret-2" });

  it("are for root, or for the one who needs them", () => {
    expect(unit.files.map(({ path, mode, owner }) => [path, mode, owner])).toEqual([
      ["/etc/postgresql/veza/passwords", "0600", "root:root"],
      ["/etc/postgresql/veza/pgpass", "0400", "postgres:postgres"],
      ["/etc/pgbouncer/veza-users.txt", "0400", "postgres:postgres"],
    ]);
  });

  it("let nobody in through PgBouncer as the replicator", () => {
    expect(unit.files[2]?.content).toBe('"veza_a" "secret-2"\n');
    expect(unit.files[1]?.content).toBe("*:*:*:replicator:secret-1\n");
  });

  it("need no quoting, and are as many as there are keys", () => {
    expect(passwordFrom("a key")).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(passwordFrom("a key")).not.toBe(passwordFrom("another"));
  });
});
