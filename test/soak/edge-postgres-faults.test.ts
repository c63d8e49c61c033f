import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { setTimeout as sleep } from "node:timers/promises";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { bridge, publicUrl } from "../lab/support/edge-config.ts";
import { addStoragePool, removeStoragePool } from "../lab/support/incus.ts";
import { nodes, other, PostgresStack } from "../lab/support/postgres-stack.ts";
import { serversOf } from "../lab/support/statistics.ts";
import { until } from "../lab/support/until.ts";

const api = [1, 2];
/** A storage pool of its own for one node, so that its disk can be full while the other's is not. */
const pool = `${bridge}full`;

let postgres: PostgresStack;
beforeAll(async () => {
  postgres = await PostgresStack.open({ api });
  await removeStoragePool(pool);
  await addStoragePool(pool, 1);
}, 300_000);
afterAll(async () => {
  await postgres.close();
  await removeStoragePool(pool);
}, 180_000);

describe("a database that is gone for a minute", () => {
  async function writesNote(): Promise<number> {
    const url = `${publicUrl}/api/v1/notes?text=note`;
    return (await fetch(url, { method: "POST", signal: AbortSignal.timeout(20_000) })).status;
  }

  it("takes no application out of the load balancer, and is written to again by itself", async () => {
    await until("a note is written", async () => (await writesNote()) === 201);
    const health = startLoad({
      baseUrl: publicUrl,
      http: [
        {
          name: "health",
          clients: 2,
          pinned: false,
          paths: ["/api/v1/health", "/api/v1/whoami"],
          pace: { kind: "rate", perSecond: 10 },
        },
      ],
      maxSeconds: 150,
    });
    const seen = new Set<string>();
    await postgres.stack.incus.stop(...nodes);
    const end = Date.now() + 60_000;
    while (Date.now() < end) {
      for (const [name, { status }] of await serversOf("api_pool")) seen.add(`${name} ${status}`);
      expect(await writesNote()).toBe(503);
      await sleep(500);
    }
    await postgres.stack.incus.start(...nodes);
    await until("a note is written", async () => (await writesNote()) === 201, 60);
    const report = await health.stop();
    expect([...seen].sort()).toEqual(["backend-api-1 UP", "backend-api-2 UP"]);
    expect(report.http[0]).toMatchObject({ failed: 0, firstFailures: [] });
    await postgres.untilWell();
  }, 240_000);
});

describe("clients that write through the router", () => {
  it("do not notice that the standby is started again, or that the nodes cannot reach each other", async () => {
    const primary = await postgres.primary();
    const standby = other(primary);
    const load = await postgres.load();
    const restarted = await postgres.silenceWhile(load, async () => {
      await postgres.stack.incus.stop(standby);
      await postgres.stack.incus.start(standby);
      await postgres.untilWell(60);
    });
    const cutOff = await postgres.silenceWhile(load, async () => {
      await postgres.cut();
      await until("nothing streams", async () => (await postgres.details(standby))?.streaming === false);
      expect(await postgres.judge()).toMatchObject({ verdict: "degraded", primary });
      await postgres.mend();
      await postgres.untilWell();
    });
    await load.stop();
    console.log(
      `standby restarted: ${restarted.toFixed(0)} ms, cut: ${cutOff.toFixed(0)} ms without a commit`,
    );
    expect(load.unknown()).toBe(0);
    expect(await load.lost()).toEqual([]);
    expect(await postgres.primary()).toBe(primary);
  }, 180_000);

  it("find the primary again when its Postgres has crashed, and when its container has", async () => {
    const primary = await postgres.primary();
    const load = await postgres.load();
    const crashed = await postgres.silenceWhile(load, () =>
      postgres.shell(primary, "systemctl kill --signal SIGKILL veza-postgres"),
    );
    await postgres.untilWell();
    const powerless = await postgres.silenceWhile(load, async () => {
      await postgres.stack.incus.stop(primary);
      await postgres.stack.incus.start(primary);
    });
    await postgres.untilWell(60);
    await load.stop();
    console.log(
      `Postgres killed: ${crashed.toFixed(0)} ms, container killed: ${powerless.toFixed(0)} ms without a commit`,
    );
    expect(await load.lost()).toEqual([]);
    expect(load.takenByTwoNodes()).toEqual([]);
    expect(await postgres.primary()).toBe(primary);
  }, 180_000);
});

describe("rebuild-standby on a full disk", () => {
  const node = "postgres-2";
  const volume = `${node}-data`;
  async function says(...words: readonly string[]): Promise<string> {
    return postgres.stack.incus.says(...words);
  }
  async function snapshots(): Promise<string[]> {
    const list = await says("storage", "volume", "snapshot", "list", pool, volume, "--format", "csv");
    return list.match(/before-rebuild-\d+/g) ?? [];
  }

  it("keeps what was there, leaves the primary alone, and says how to go back; with room it works", async () => {
    if ((await postgres.primary()) === node) await postgres.flip();
    await postgres.superuser(
      "postgres-1",
      "create table bulk as select g, repeat('x', 900) from generate_series(1, 100000) g",
    );
    await postgres.untilWell();
    await postgres.stack.incus.stop(node);
    await says("storage", "volume", "move", `default/${volume}`, `${pool}/${volume}`);
    await says("storage", "volume", "create", pool, "other");
    await says(
      "config",
      "device",
      "add",
      node,
      "other",
      "disk",
      `pool=${pool}`,
      "source=other",
      "path=/other",
    );
    await postgres.stack.incus.start(node);
    await postgres.untilWell(60);
    // Room for a good part of a second copy.
    await postgres.shell(
      node,
      `left() { df --output=avail -B1 /other | tail -n 1; }
       while [ "$(left)" -gt $((60 << 20)) ]; do head -c $(( ($(left) - (60 << 20)) / 2 + (1 << 20) )) /dev/urandom >>/other/full; sync; done`,
    );

    const load = await postgres.load();
    const silence = await postgres.silenceWhile(load, async () => {
      const { said, error = "it went well" } = await postgres.rebuild(node);
      expect(error).toMatch(/No space left on device/);
      const [snapshot = "none"] = await snapshots();
      expect(said).toContain(`${node}: snapshot ${snapshot} of volume ${volume}`);
      expect(error).toContain("postgres-1 was not touched by this.");
      expect(error).toContain(`What ${node} had before is kept in snapshot ${snapshot}.`);
      const { verdict, problems } = await postgres.judge();
      expect(verdict).toBe("degraded");
      expect(problems.join("\n")).toContain(`${node}: has no data: bin/veza rebuild-standby ${node}`);
      // Word for word, as the person would.
      for (const command of error.match(/^ {2}incus .*$/gm) ?? [])
        await execa({ shell: true, stdin: "ignore" })`${command}`;
      await postgres.untilWell(60);
    });
    expect(silence).toBeLessThan(5_000);

    expect((await postgres.rebuild(node)).error).toMatch(/No space left on device/);
    await postgres.shell(node, "rm /other/full; sync");
    expect((await postgres.rebuild(node, 1)).said).toContain("copied and following postgres-1");
    await postgres.untilWell();
    await load.stop();
    console.log(`${silence.toFixed(0)} ms without a commit`);
    expect(load.unknown()).toBe(0);
    expect(await load.lost()).toEqual([]);
    expect(await snapshots()).toHaveLength(1);
  }, 400_000);
});
