import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readAtStart } from "../../src/ops/diff/consequences/postgres.ts";
import { addresses, passwords, PostgresLab } from "./postgres-lab.ts";

let lab: PostgresLab;

// Each test begins with node 1 as the primary and node 2 streaming from it, unless it says otherwise.
beforeAll(async () => {
  lab = await PostgresLab.open();
}, 300_000);
afterAll(() => lab.close(), 60_000);

const insert = "insert into notes (text) values ('x') returning id > 0";
const count = "select count(*) from notes";

describe("two nodes without data", () => {
  it("become a primary, which is closed while it is alone, and a standby that streams from it", async () => {
    expect(await lab.health(1)).toMatchObject({ status: 503, text: "down" });
    const early = await lab.verb(2, "bootstrap");
    expect(early.exitCode).toBe(1);
    expect(early.said).toContain("it has no data, and neither has postgres-1, whose turn it is first");

    expect(await lab.verb(1, "bootstrap")).toMatchObject({ exitCode: 0 });
    expect(await lab.health(1)).toMatchObject({ status: 503, text: "unconfirmed" });
    expect(await lab.sql(1, "select 1")).toMatch(/^refused: .*Connection refused/s);

    const copied = await lab.verb(2, "bootstrap");
    expect(copied.exitCode).toBe(0);
    expect(copied.said).toMatch(/^progress \d+ \d+$/m);
    await lab.untilHealth(1, "primary");
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    expect(await lab.health(2)).toMatchObject({ status: 503, text: "standby" });
  }, 60_000);

  it("say of themselves what operators and metrics need", async () => {
    await lab.untilStreaming(2);
    const [first, second] = await Promise.all([lab.details(1), lab.details(2)]);
    expect(first).toMatchObject({
      node: "postgres-1",
      role: "primary",
      state: "primary",
      timeline: 1,
      streaming: true,
    });
    expect(second).toMatchObject({
      role: "standby",
      state: "standby",
      timeline: 1,
      lagBytes: 0,
      fenced: false,
    });
    expect(first.systemIdentifier).toBe(second.systemIdentifier);
    expect(second.peer).toMatchObject({ reachable: true, role: "primary" });
    const metrics = await lab.metrics(2);
    expect(metrics).toContain('veza_postgres_state{node="postgres-2",state="standby"} 1');
    expect(metrics).toContain('veza_postgres_replication_lag_bytes{node="postgres-2"} 0');
  });

  it("have checksums, and let the application in as the owner of its database, and nobody else", async () => {
    expect(await lab.superuser(1, "show data_checksums")).toBe("on");
    expect(await lab.sql(1, "create table notes (id serial primary key, text text)")).toBe("");
    expect(await lab.sql(1, "select tableowner, current_user from pg_tables where tablename = 'notes'")).toBe(
      "veza|veza",
    );
    expect(await lab.sql(1, insert)).toBe("t");
    expect(await lab.sql(2, insert)).toContain("read-only");
    expect(await lab.sql(1, "select 1", "veza_a", { veza_a: "wrong" })).toContain(
      "SASL authentication failed",
    );
    expect(await lab.sql(1, "select 1", "veza_b", { veza_b: "" })).toMatch(/^refused/);
    const direct = `psql 'postgresql://veza_a:for-a-test-2@${addresses[1]}/veza' -c 'select 1' 2>&1 || :`;
    expect(await lab.shell(2, direct)).toContain("no pg_hba.conf entry");
  });
});

describe("the running Postgres", () => {
  const otherwise = /^read\|\d+\|\n(?<lines>[^]*)end\n$/;
  const differs = async (id: 1 | 2): Promise<string | undefined> => {
    const { said } = await lab.verb(id, "differs");
    expect(said).toMatch(otherwise);
    return otherwise.exec(said)?.groups?.["lines"];
  };

  it("takes a restart for just those of its settings that a diff says so of", async () => {
    const ours =
      "select name from pg_file_settings where sourcefile = '/etc/postgresql/veza/postgresql.conf'";
    const read = await lab.superuser(
      1,
      `select name from pg_settings where context = 'postmaster' and name in (${ours}) order by name`,
    );
    expect(read.split("\n")).toEqual([...readAtStart].sort());
  });

  it("differs in nothing from what made it", async () => {
    expect([await differs(1), await differs(2)]).toEqual(["", ""]);
  });

  it("tells what was done to a role by hand, and takes it back with the next configuration", async () => {
    await lab.superuser(1, "alter role veza_a createdb password 'by hand' valid until '2038-01-19'");
    expect(await differs(1)).toBe(
      [
        "role|veza_a|it is CREATEDB, applied was NOCREATEDB\n",
        "role|veza_a|its password is valid until 2038-01-19 00:00:00+00, applied was no end\n",
        "role|veza_a|its password is not the one that was applied\n",
      ].join(""),
    );
    expect(await differs(2)).toBe("");
    expect(await lab.verb(1, "apply")).toMatchObject({ exitCode: 0 });
    expect(await differs(1)).toBe("");
  }, 60_000);
});

describe("an update", () => {
  it("touches neither data nor processes where nothing has changed", async () => {
    const before = await Promise.all([lab.postmaster(1), lab.postmaster(2)]);
    await Promise.all([lab.configure(1), lab.configure(2)]);
    for (const id of [1, 2] as const) expect(await lab.verb(id, "bootstrap")).toMatchObject({ exitCode: 0 });
    expect(await Promise.all([lab.postmaster(1), lab.postmaster(2)])).toEqual(before);
    expect(await lab.health(1)).toMatchObject({ status: 200 });
  }, 60_000);

  it("changes passwords while both the old and the new one work", async () => {
    const next = { ...passwords, veza_b: "for-a-test-3", replicator: "for-a-test-4" };
    const stream = "select pid from pg_stat_wal_receiver where status = 'streaming'";
    const before = await lab.superuser(2, stream);
    for (const id of [1, 2] as const) await lab.secrets(id, next);
    expect(await lab.sql(1, insert, "veza_a", next)).toBe("t");
    expect(await lab.sql(1, insert, "veza_b", next)).toBe("t");
    // What streams goes on, and what has to connect again has the new one.
    expect(await lab.superuser(2, stream)).toBe(before);
    await lab.superuser(1, "select pg_terminate_backend(pid) from pg_stat_replication");
    await lab.untilStreaming(2);
    for (const id of [1, 2] as const) await lab.secrets(id);
    expect(await lab.sql(1, insert, "veza_b", next)).toMatch(/^refused/);
    await lab.superuser(1, "select pg_terminate_backend(pid) from pg_stat_replication");
    await lab.untilStreaming(2);
  }, 60_000);
});

describe("pg-health", () => {
  it("fails while PgBouncer hangs, and PgBouncer comes back by itself when it was killed", async () => {
    await lab.shell(1, "systemctl kill --signal SIGSTOP veza-pgbouncer");
    expect(await lab.health(1)).toMatchObject({ status: 503, text: "bouncer-down" });
    await lab.shell(1, "systemctl kill --signal SIGKILL veza-pgbouncer");
    await lab.untilHealth(1, "primary");
  });

  it("fails within its time limit while Postgres hangs", async () => {
    await lab.shell(1, "systemctl kill --kill-whom main --signal SIGSTOP veza-postgres");
    const hung = await lab.health(1);
    await lab.shell(1, "systemctl kill --kill-whom main --signal SIGCONT veza-postgres");
    expect(hung).toMatchObject({ status: 503, text: "hung" });
    // As long as a router waits.
    expect(hung.seconds).toBeLessThan(3);
    await lab.untilHealth(1, "primary");
  });
});

describe("a primary that was started again", () => {
  it("is open again as soon as its peer has confirmed it", async () => {
    const before = await lab.postmaster(1);
    await lab.shell(1, "systemctl kill --signal SIGKILL veza-postgres");
    await lab.untilHealth(1, "primary");
    expect(await lab.postmaster(1)).not.toBe(before);
    expect(await lab.sql(1, insert)).toBe("t");
  }, 60_000);
});

describe("a fence", () => {
  it("ends every session, outlasts a restart, and is taken back by unfence", async () => {
    const writing = lab.sql(1, "select pg_sleep(20)");
    await lab.shell(
      1,
      'until runuser -u postgres -- psql -XAtqc "select query from pg_stat_activity" | grep -q pg_sleep.20; do sleep 0.1; done',
    );
    expect(await lab.verb(1, "fence", "drill")).toMatchObject({ exitCode: 0 });
    expect(await writing).toMatch(/^refused/);
    expect(await lab.details(1)).toMatchObject({ role: "primary", state: "fenced", fenced: "drill" });
    await lab.shell(1, "systemctl restart veza-postgres || :; systemctl start veza-pgbouncer || :");
    expect(await lab.details(1)).toMatchObject({ role: "down", state: "fenced" });
    expect(await lab.sql(1, insert)).toMatch(/^refused/);
    expect(await lab.verb(1, "unfence")).toMatchObject({ exitCode: 0 });
    await lab.untilHealth(1, "primary");
  }, 60_000);
});

describe("a network cut between the nodes", () => {
  it("leaves the primary open, and the standby a standby that nobody promotes by mistake", async () => {
    await lab.cut();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    expect(await lab.health(2)).toMatchObject({ status: 503 });
    expect(await lab.verb(2, "promote")).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining("nobody knows whether it still takes writes") as unknown,
    });
    expect(await lab.health(2)).toMatchObject({ text: "standby" });
    expect(await lab.superuser(1, "insert into notes (text) values ('only here')")).toBe("");
  }, 60_000);

  it("ends with the old primary closed for good, when the standby was promoted on somebody's wrong word", async () => {
    expect(await lab.verb(2, "promote", "--peer-is-gone")).toMatchObject({ exitCode: 0 });
    expect(await lab.health(2)).toMatchObject({ status: 200 });
    await lab.mend();
    await lab.untilHealth(1, "stale");
    expect(await lab.sql(1, insert)).toMatch(/^refused/);
    // It does not forget, whoever is out of reach.
    await lab.cut();
    await lab.shell(1, "systemctl stop veza-postgres-watch veza-postgres; rm -r /run/veza/postgres");
    await lab.shell(1, "systemctl start veza-postgres-watch veza-postgres veza-pgbouncer || :");
    expect(await lab.details(1)).toMatchObject({ role: "down", state: "stale" });
    expect(await lab.verb(1, "confirm")).toMatchObject({ exitCode: 1 });
    await lab.mend();
    expect(await lab.health(2)).toMatchObject({ status: 200 });
  }, 90_000);

  it("is over when the old primary was rewound to where the new one goes on", async () => {
    const demoted = await lab.verb(1, "demote");
    expect(demoted).toMatchObject({ exitCode: 0 });
    expect(demoted.said).toContain("postgres-1: was rewound to where postgres-2 goes on");
    expect(await lab.details(1)).toMatchObject({ role: "standby", state: "standby", timeline: 2 });
    expect(await lab.superuser(1, "select count(*) from notes where text = 'only here'")).toBe("0");
    expect(await lab.verb(1, "demote")).toMatchObject({ exitCode: 0 });
  }, 60_000);
});

// From here on node 2 is the primary.
describe("a switchover", () => {
  it("moves the primary with everything that was committed, and shows no difference to an update", async () => {
    const before = await lab.sql(2, count);
    expect(await lab.verb(1, "promote")).toMatchObject({ exitCode: 1 });
    await lab.verb(2, "fence", "flip");
    const stopped = await lab.verb(2, "stop-clean");
    const [, position = ""] = /^final ([0-9A-F/]+) 2$/m.exec(stopped.said) ?? [];
    expect(await lab.verb(1, "promote", "--after", position)).toMatchObject({ exitCode: 0 });
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    expect(await lab.sql(1, count)).toBe(before);
    const demoted = await lab.verb(2, "demote");
    expect(demoted.said).toContain("has written nothing that postgres-1 does not have");
    expect(await lab.details(2)).toMatchObject({ state: "standby", timeline: 3, fenced: false });
    for (const id of [1, 2] as const) expect(await lab.verb(id, "bootstrap")).toMatchObject({ exitCode: 0 });
    expect(await lab.health(1)).toMatchObject({ status: 200 });
  }, 60_000);

  it("keeps no WAL for anybody on a standby", async () => {
    expect(await lab.superuser(2, "select count(*) from pg_replication_slots")).toBe("0");
    expect(await lab.superuser(1, "select slot_name, active from pg_replication_slots")).toBe("postgres_2|t");
  });
});
