import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ConnectionLoad, reachedNode, Session } from "../lab/postgres-router-client.ts";
import { RouterLab } from "../lab/postgres-router-lab.ts";
import { until } from "../lab/support/until.ts";

let lab: RouterLab;
beforeAll(async () => {
  lab = await RouterLab.open();
  await lab.says({ 1: "primary", 2: "standby" });
  await lab.deploy();
}, 300_000);
afterAll(() => lab.close(), 60_000);

it("a router that is restarted and reloaded fifty times under load leads nobody to the standby", async () => {
  const load = new ConnectionLoad();
  load.expects(1);
  for (let n = 0; n < 50; n++) {
    await lab.router("systemctl reload haproxy");
    await lab.router("systemctl restart haproxy");
    await until("the primary takes connections", async () => (await reachedNode()) === "1", 20);
  }
  const { astray, taken } = await load.stop();
  expect(astray).toBe(0);
  expect(taken).toBeGreaterThan(1_000);
  expect(await lab.reached(2)).toBe(0);
}, 600_000);

it("a session that says nothing outlives ten new configurations, and leaves one old worker", async () => {
  const session = await Session.open();
  for (let n = 1; n <= 10; n++) {
    await lab.deploy({
      change: (model) => ({ ...model, global: { ...model.global, connections: 1_000 + n } }),
    });
  }
  expect(await session.answers()).toBe(true);
  await until("one old worker is left", async () => (await lab.processes()).oldWorkers.length === 1, 30);
  session.close();
  await until("no old worker is left", async () => (await lab.processes()).oldWorkers.length === 0, 30);
}, 300_000);

it("lets go of whoever is being connected to a primary that falls silent", async () => {
  await until("the primary takes connections", async () => (await reachedNode()) === "1", 20);
  // As when its host loses power: nothing says that a connection is not wanted.
  await lab.node(1, "ip link set eth0 down");
  const waits: number[] = [];
  let ends = false;
  const client = async (): Promise<void> => {
    while (!ends) {
      const begin = performance.now();
      await reachedNode();
      waits.push(performance.now() - begin);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  await until("nobody is up", async () => !(await lab.isUp(1)), 20);
  ends = true;
  await Promise.all(clients);
  await lab.nodeSays(2, "primary");
  await until("the other node takes connections", async () => (await reachedNode()) === "2", 20);
  // Whoever is forgotten waits until it gives up itself, after ten seconds.
  expect(Math.max(...waits)).toBeLessThan(9_000);
}, 60_000);
