import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ConnectionLoad, reachedNode } from "../lab/postgres-router-client.ts";
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
