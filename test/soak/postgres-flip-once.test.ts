import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { judge } from "../../src/ops/postgres/judge.ts";
import { forceFailover } from "../../src/ops/failover/failover.ts";
import { rebuildStandby } from "../../src/ops/rebuild/rebuild.ts";
import { FlipLab, incus } from "../lab/postgres-flip-lab.ts";

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
    for (let n = 0; n < 3; n++) silences.push((await lab.flipUnderLoad(load)).silence);
    await load.stop();
    expect(await lab.lost(load)).toEqual([]);
    expect(load.takenByTwoNodes()).toEqual([]);
    expect(Math.max(...silences)).toBeLessThan(5_000);
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

describe("rebuild-standby", () => {
  const rebuild = async (node: string): Promise<string[]> => {
    const lines: string[] = [];
    const line = (text: string): void => void lines.push(text);
    await rebuildStandby(
      lab.site,
      node,
      { line, progress: line, agreed: () => Promise.resolve(true) },
      1,
    ).catch((error: unknown) => lines.push(String(error)));
    return lines;
  };
  const snapshots = async (node: string): Promise<string[]> =>
    (
      await incus(
        "storage",
        "volume",
        "snapshot",
        "list",
        "default",
        `${node}-data`,
        "--format",
        "csv",
        "--columns",
        "n",
      )
    )
      .split("\n")
      .filter((name) => name !== "");

  it("is refused for the primary", async () => {
    const primary = judge(await lab.look()).primary ?? "";
    expect((await rebuild(primary)).join("\n")).toMatch(/RebuildError: no rebuild:\n {2}✗ .* is the primary/);
    expect(await snapshots(primary)).toEqual([]);
  });

  it("copies a wiped node anew while clients write, and keeps so many snapshots", async () => {
    const node = await standby();
    await lab.containers.shell(
      node,
      "systemctl stop veza-postgres; find /var/lib/postgresql -mindepth 1 -delete",
    );
    const load = await lab.startLoad(1);
    const lines = await rebuild(node);
    expect(lines.at(-1)).toMatch(/copied and following/);
    expect((await rebuild(node)).at(-1)).toMatch(/older snapshots removed: before-rebuild-\d{14}$/);
    await load.stop();
    expect(await snapshots(node)).toHaveLength(1);
    expect(await lab.lost(load)).toEqual([]);
    expect(judge(await lab.look()).verdict).toBe("well");
  }, 120_000);

  it("keeps the snapshot and says how to return when it fails", async () => {
    const node = await standby();
    await lab.containers.shell(node, "mv /usr/lib/postgresql/17/bin/pg_basebackup /root/");
    const said = (await rebuild(node)).join("\n");
    await lab.containers.shell(node, "mv /root/pg_basebackup /usr/lib/postgresql/17/bin/");
    const [kept = "", newest = ""] = await snapshots(node);
    expect(said).toContain(`incus storage volume snapshot restore default ${node}-data ${newest}`);
    expect(kept).not.toBe("");
    expect(judge(await lab.look())).toMatchObject({ verdict: "degraded" });
    expect((await rebuild(node)).join("\n")).toMatch(/copied and following/);
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
