import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { nodes, other, PostgresStack } from "../lab/support/postgres-stack.ts";
import { until } from "../lab/support/until.ts";
import type { WriteLoad } from "../lab/support/write-load.ts";

let postgres: PostgresStack;
beforeAll(async () => {
  // From nothing: the first primary has no standby yet, and must not wait for one.
  postgres = await PostgresStack.open({ sync: true });
}, 300_000);
afterAll(() => postgres.close(), 120_000);

async function untilSilent(load: WriteLoad): Promise<void> {
  let seen = -1;
  await until("nobody is told of a commit any more", async () => {
    const before = seen;
    seen = load.acknowledged().length;
    await sleep(1_000);
    return before === seen;
  });
}

it("a primary that is cut off from its standby acknowledges nothing, and goes on by itself when it is back", async () => {
  await postgres.untilWell();
  const load = await postgres.load();
  const before = await postgres.details("postgres-1");
  await postgres.cut();
  await untilSilent(load);
  const told = load.acknowledged().length;
  // Longer than either side believes in a silent connection.
  await sleep(15_000);
  expect(load.acknowledged()).toHaveLength(told);
  expect(load.unknown()).toBe(0);
  expect(await postgres.judge()).toMatchObject({ verdict: "degraded", primary: "postgres-1" });

  await postgres.mend();
  const back = performance.now();
  await until("clients are told again", () => Promise.resolve(load.acknowledged().length > told), 30);
  console.log(`first commit ${(performance.now() - back).toFixed(0)} ms after the network was back`);
  await postgres.untilWell();
  await load.stop();
  expect(load.unknown()).toBe(0);
  expect(await load.lost()).toEqual([]);
  expect((await postgres.details("postgres-1"))?.timeline).toBe(before?.timeline);
}, 120_000);

it("a flip keeps clients waiting until the old primary follows, and loses nothing", async () => {
  const load = await postgres.load();
  const silences = [];
  for (let n = 0; n < 2; n++) silences.push(await postgres.silenceWhile(load, () => postgres.flip()));
  await load.stop();
  console.log(`${silences.map((ms) => ms.toFixed(0)).join(" and ")} ms without a commit`);
  expect(await load.lost()).toEqual([]);
  expect(load.takenByTwoNodes()).toEqual([]);
  await postgres.untilWell();
}, 120_000);

it("what a cut-off primary was asked to write and did not acknowledge is all that a forced failover can lose", async () => {
  const old = await postgres.primary();
  const next = other(old);
  const load = await postgres.load();
  await postgres.cut();
  await untilSilent(load);
  await postgres.stack.incus.stop(old);
  const said = await postgres.failover(next);
  expect(said).toContain(`${next} is the primary, and alone.`);
  expect(await postgres.judge()).toMatchObject({ verdict: "degraded", primary: next });
  expect(await load.lost()).toEqual([]);
  // It has nobody who could have a commit too.
  await untilSilent(load);

  await postgres.stack.incus.start(old);
  await postgres.mend();
  await until(`${old} says what it is`, async () => (await postgres.details(old))?.state === "stale", 40);
  expect(await postgres.takesWrites(old)).toBe(false);
  const told = load.acknowledged().length;
  expect(await postgres.rebuild(old)).toMatchObject({
    said: expect.stringContaining("copied and following"),
  });
  await until("clients are told again", () => Promise.resolve(load.acknowledged().length > told));
  await load.stop();
  await postgres.untilWell();
  expect(await postgres.primary()).toBe(next);
  expect(await load.lost()).toEqual([]);
  expect(load.takenByTwoNodes()).toEqual([]);
}, 240_000);

it("an update that turns it off restarts nothing, and a primary that is alone goes on from then on", async () => {
  const started = async (): Promise<string[]> =>
    Promise.all(nodes.map((node) => postgres.stack.incus.mainPid(node, "veza-postgres")));
  const before = await started();
  await postgres.configure({ sync: false });
  await postgres.stack.up();
  expect(await started()).toEqual(before);
  const load = await postgres.load();
  expect(
    await postgres.silenceWhile(load, async () => {
      await postgres.cut();
      await sleep(5_000);
    }),
  ).toBeLessThan(2_000);
  await postgres.mend();
  await load.stop();
  await postgres.untilWell();
}, 240_000);
