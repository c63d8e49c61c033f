import { describe, expect, test } from "@jest/globals";
import { planFailover, walBytes } from "../../src/ops/failover/plan.ts";
import { reasonsAgainstRebuild } from "../../src/ops/rebuild/plan.ts";
import { progressLine, readProgress } from "../../src/ops/rebuild/progress.ts";
import { howToGoOn, howToReturn } from "../../src/ops/rebuild/snapshots.ts";
import { begun, node, primaryDetails, silentNode, standbyDetails, topology } from "./postgres-sight.ts";

describe("a rebuild", () => {
  test("is for a standby, or for what is left of one, beside a primary that takes writes", () => {
    expect(reasonsAgainstRebuild(topology(), "postgres-2")).toEqual([]);
    const stale = node(primaryDetails("postgres-2", { state: "stale" }));
    const nodes = [node(primaryDetails("postgres-1")), stale];
    expect(reasonsAgainstRebuild(topology({ nodes }), "postgres-2")).toEqual([]);
  });

  test("is refused for the primary", () => {
    expect(reasonsAgainstRebuild(topology(), "postgres-1")[0]).toMatch(/^postgres-1 is the primary/);
  });

  test("is refused where the other node may not have all data either", () => {
    const nodes = [node(primaryDetails("postgres-1", { state: "unconfirmed" })), silentNode("postgres-2")];
    expect(reasonsAgainstRebuild(topology({ nodes }), "postgres-2")).toEqual([
      expect.stringMatching(/^postgres-1 is unconfirmed/),
    ]);
  });

  test("waits for the end of a flip, and for a container that runs", () => {
    const nodes = [node(primaryDetails("postgres-1")), silentNode("postgres-2", "STOPPED")];
    expect(reasonsAgainstRebuild(topology({ nodes, notes: [begun] }), "postgres-2")).toEqual([
      expect.stringMatching(/bin\/veza flip-db ends it first$/),
      expect.stringMatching(/incus start postgres-2 --project veza-lab$/),
    ]);
  });

  test("shows bytes, part and rate", () => {
    expect(readProgress("1048576 4194304\n")).toEqual({ bytes: 1_048_576, total: 4_194_304 });
    expect(readProgress("1048576 \n")).toEqual({ bytes: 1_048_576, total: 0 });
    expect(readProgress("")).toBeUndefined();
    expect(progressLine({ bytes: 1_048_576, total: 4_194_304 }, 524_288)).toBe(
      "[#####---------------]  25 %  1.0 MiB of 4.0 MiB, 512.0 KiB/s",
    );
    expect(progressLine({ bytes: 2_048, total: 0 }, 0)).toBe("2.0 KiB, 0 B/s");
  });

  test("tells the way back to what was there before", () => {
    const snapshot = { name: "before-rebuild-20260101000000", pool: "default", volume: "postgres-2-data" };
    expect(howToReturn("veza-lab", "postgres-2", snapshot)).toContain(
      "incus storage volume snapshot restore default postgres-2-data before-rebuild-20260101000000 --project veza-lab",
    );
  });

  test("asks for room where there was none", () => {
    const snapshot = { name: "before-rebuild-20260101000000", pool: "default", volume: "postgres-2-data" };
    expect(howToGoOn("veza-lab", snapshot, "could not connect")).toBe("Or run this again.");
    expect(howToGoOn("veza-lab", snapshot, "write: No space left on device")).toMatch(
      /^Or make room .*\n {2}incus storage volume snapshot list default postgres-2-data --project veza-lab$/,
    );
  });
});

describe("a forced failover", () => {
  const standby = node(standbyDetails("postgres-2", { lsn: { receive: "1/10", replay: "1/0" } }));

  test("promotes the standby that is left, and states the loss", () => {
    const nodes = [silentNode("postgres-1"), standby];
    const routers = [{ name: "db-router-1" }];
    expect(planFailover(topology({ nodes, routers }))).toEqual({
      kind: "failover",
      lost: "postgres-1",
      to: "postgres-2",
      loss: expect.stringMatching(/up to 1\/10\. .* nobody can say while postgres-1 is silent\.$/),
      silentRouters: ["db-router-1"],
    });
  });

  test("knows the loss in bytes where the old primary still says how far it was", () => {
    const old = node(primaryDetails("postgres-1", { state: "unconfirmed", lsn: { current: "1/110" } }));
    expect(planFailover(topology({ nodes: [old, standby] }))).toMatchObject({
      loss: expect.stringMatching(/are lost: 256 bytes of WAL\.$/),
    });
    expect(walBytes("1/0")).toBe(2 ** 32);
  });

  test("is refused while a primary takes writes, and where there is no standby", () => {
    expect(planFailover(topology())).toMatchObject({
      kind: "refused",
      reasons: [expect.stringMatching(/^postgres-1 takes writes/)],
    });
    const nodes = [node(primaryDetails("postgres-1", { state: "unconfirmed" })), silentNode("postgres-2")];
    expect(planFailover(topology({ nodes })).kind).toBe("refused");
  });
});
