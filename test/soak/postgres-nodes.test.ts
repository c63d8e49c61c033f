import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { PostgresLab } from "../lab/postgres-lab.ts";

let lab: PostgresLab;

// Each test begins and ends with node 1 as the primary and node 2 streaming from it.
beforeAll(async () => {
  lab = await PostgresLab.open();
  for (const id of [1, 2] as const) expect(await lab.verb(id, "bootstrap")).toMatchObject({ exitCode: 0 });
  await lab.untilHealth(1, "primary");
}, 300_000);
afterAll(() => lab.close(), 60_000);

describe("an update", () => {
  it("restarts a standby for settings that need it, and never a primary", async () => {
    const primary = await lab.postmaster(1);
    expect(await lab.configure(2, { connections: 45 })).toContain(
      "postgres-2: was restarted for max_connections",
    );
    expect(await lab.configure(1, { connections: 45 })).toContain(
      "goes on with the old values of max_connections",
    );
    expect(await lab.postmaster(1)).toBe(primary);
    expect(await lab.superuser(2, "show max_connections")).toBe("45");
    await Promise.all([lab.configure(1), lab.configure(2)]);
    await lab.untilStreaming(2);
  }, 60_000);
});

describe("a standby that was away", () => {
  it("catches up with what was written meanwhile, without a new copy", async () => {
    const inode = "stat -c %i /var/lib/postgresql/17/veza";
    const before = await lab.shell(2, inode);
    await lab.shell(2, "systemctl stop veza-postgres");
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    await lab.superuser(
      1,
      "create table bulk as select generate_series(1, 200000) as n; select pg_switch_wal(); checkpoint",
    );
    await lab.reboot(2);
    await lab.untilStreaming(2);
    expect(await lab.superuser(2, "select count(*) from bulk")).toBe("200000");
    expect(await lab.shell(2, inode)).toBe(before);
    await lab.untilHealth(2, "standby");
  }, 60_000);
});

describe("a primary that was started again", () => {
  it("stays closed while its peer is out of reach, also to whoever starts PgBouncer by hand", async () => {
    await lab.cut();
    await lab.shell(1, "systemctl kill --signal SIGKILL veza-postgres");
    await lab.untilHealth(1, "unconfirmed");
    await lab.shell(1, "systemctl start veza-pgbouncer || :; sleep 2");
    expect(await lab.health(1)).toMatchObject({ status: 503, text: "unconfirmed" });
    expect(await lab.shell(1, "systemctl is-active veza-pgbouncer || :")).toBe("inactive\n");
    await lab.mend();
    await lab.untilHealth(1, "primary");
    await lab.untilStreaming(2);
  }, 60_000);

  it("is opened by the operator's word where the peer cannot say anything", async () => {
    await lab.shell(2, "systemctl stop veza-postgres-watch pg-health.socket pg-health.service");
    await lab.shell(1, "systemctl kill --signal SIGKILL veza-postgres");
    await lab.untilHealth(1, "unconfirmed");
    expect(await lab.verb(1, "confirm")).toMatchObject({ exitCode: 0 });
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    await lab.shell(2, "systemctl start veza-postgres-watch pg-health.socket");
    await lab.untilStreaming(2);
  }, 60_000);
});

describe("a rebuild", () => {
  it("refuses a primary, and gives a standby a new copy", async () => {
    expect(await lab.verb(1, "rebuild")).toMatchObject({ exitCode: 1 });
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    const inode = "stat -c %i /var/lib/postgresql/17/veza/PG_VERSION";
    const before = await lab.shell(2, inode);
    const rebuilt = await lab.verb(2, "rebuild");
    expect(rebuilt.exitCode).toBe(0);
    expect(rebuilt.said).toMatch(/^progress \d+ \d+$/m);
    expect(await lab.shell(2, inode)).not.toBe(before);
    expect(await lab.details(2)).toMatchObject({ state: "standby", timeline: 1 });
  }, 60_000);

  it("that was killed leaves nothing at work, and is made good by the next", async () => {
    await lab.shell(2, "/usr/local/lib/veza/postgres rebuild >/dev/null 2>&1 & sleep 1; kill -9 $! || :");
    expect(await lab.health(1)).toMatchObject({ status: 200 });
    expect(await lab.verb(2, "rebuild")).toMatchObject({ exitCode: 0 });
    await lab.untilStreaming(2);
  }, 60_000);
});
