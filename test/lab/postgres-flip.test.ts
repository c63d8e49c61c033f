import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pg from "pg";
import { judge } from "../../src/ops/postgres/judge.ts";
import { forceFailover } from "../../src/ops/failover/failover.ts";
import { FlipLab, incus } from "./postgres-flip-lab.ts";

let lab: FlipLab;

beforeAll(async () => {
  lab = await FlipLab.open();
}, 400_000);

afterAll(async () => {
  await lab.close();
}, 60_000);

describe("flip-db", () => {
  it("says what it would do, and does nothing, when it is only asked", async () => {
    const before = await lab.look();
    const { lines, end } = await lab.flip({ dryRun: true });
    expect(end.kind).toBe("declined");
    expect(lines[0]).toMatch(/^Flip from pgf-test-1 to pgf-test-2:$/);
    expect(judge(await lab.look())).toEqual(judge(before));
  });

  it("moves the primary back and forth under load, and loses no acknowledged commit", async () => {
    const load = await lab.startLoad(3);
    const silences: number[] = [];
    for (let n = 0; n < 2; n++) silences.push((await lab.flipUnderLoad(load)).silence);
    await load.stop();
    expect(await lab.lost(load)).toEqual([]);
    expect(load.takenByTwoNodes()).toEqual([]);
    expect(Math.max(...silences)).toBeLessThan(10_000);
    expect(judge(await lab.look()).verdict).toBe("well");
  }, 120_000);

  it.each([
    ["stop", "taken back"],
    ["promote", "finished"],
  ])(
    "is told and ended by the next run when it was killed after the step '%s'",
    async (step, kind) => {
      const load = await lab.startLoad(1);
      await lab.killFlipAfter(step);
      expect(judge(await lab.look()).problems[0]).toMatch(/^a flip from .* was cut off/);
      const { end } = await lab.flip();
      expect(end.kind).toBe(kind);
      await load.stop();
      expect(await lab.lost(load)).toEqual([]);
      expect(judge(await lab.look())).toMatchObject({ verdict: "well", primary: end.primary });
    },
    120_000,
  );

  it("keeps a second operator out while one is at work", async () => {
    const first = lab.flip();
    const second = await lab.flip().then(
      () => "went through",
      (error: unknown) => String(error),
    );
    await first;
    // Whoever waits sees a flip that has ended, or is refused.
    expect(second).toMatch(/somebody else is at work on this Postgres: flip-db by|went through/);
    expect(judge(await lab.look()).verdict).toBe("well");
  }, 120_000);
});

describe("an update of the nodes", () => {
  it("is noticed by no client and no router", async () => {
    const { primary = "" } = judge(await lab.look());
    const session = new pg.Client(lab.database);
    await session.connect();
    try {
      const before = await lab.timesDown(primary);
      await lab.update({ walKeepMiB: 96 });
      expect((await session.query<object>("SHOW wal_keep_size")).rows).toEqual([{ wal_keep_size: "96MB" }]);
      expect(await lab.timesDown(primary)).toBe(before);
    } finally {
      await session.end();
    }
  }, 60_000);
});

describe("rebuild-standby", () => {
  it("is refused for the primary", async () => {
    const primary = judge(await lab.look()).primary ?? "";
    expect(await lab.rebuild(primary)).toMatch(/RebuildError: no rebuild:\n {2}✗ .* is the primary/);
    expect(await lab.snapshots(primary)).toEqual([]);
  });

  it("copies a wiped node anew while clients write, and keeps so many snapshots", async () => {
    const node = await standby();
    await lab.containers.shell(
      node,
      "systemctl stop veza-postgres; find /var/lib/postgresql -mindepth 1 -delete",
    );
    const load = await lab.startLoad(1);
    expect(await lab.rebuild(node)).toMatch(/copied and following/);
    expect(await lab.rebuild(node)).toMatch(/older snapshots removed: before-rebuild-\d{14}$/);
    await load.stop();
    expect(await lab.snapshots(node)).toHaveLength(1);
    expect(await lab.lost(load)).toEqual([]);
    expect(judge(await lab.look()).verdict).toBe("well");
  }, 120_000);
});

describe("failover --force", () => {
  it("is refused while a primary takes writes", async () => {
    const talk = { line: () => undefined, ask: () => Promise.resolve("") };
    await expect(forceFailover(lab.site, talk)).rejects.toThrow(/takes writes: a planned change is/);
  });

  it("stops the old primary for good, promotes the standby, and the old one takes no write when it returns", async () => {
    const { primary = "" } = judge(await lab.look());
    const next = await standby();
    await incus("stop", "--force", primary);
    const lines: string[] = [];
    const talk = { line: (text: string) => void lines.push(text), ask: () => Promise.resolve(next) };
    await forceFailover(lab.site, talk);
    expect(lines.join("\n")).toMatch(/nobody can say while .* is silent/);
    expect(await incus("config", "get", primary, "boot.autostart")).toBe("false");
    expect(judge(await lab.look())).toMatchObject({ verdict: "degraded", primary: next });

    await incus("start", primary);
    await lab.until("the old primary says what it is", 40, async () => {
      const { nodes } = await lab.look();
      return nodes.find(({ name }) => name === primary)?.details?.state === "stale";
    });
    const load = await lab.startLoad(1);
    await load.stop();
    expect(load.takenByTwoNodes()).toEqual([]);
    expect(judge(await lab.look()).primary).toBe(next);
  }, 120_000);
});

async function standby(): Promise<string> {
  const { primary } = judge(await lab.look());
  return lab.site.nodes.find(({ name }) => name !== primary)?.name ?? "";
}
