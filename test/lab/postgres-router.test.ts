import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { primaryListen } from "../../src/haproxy/router-model.ts";
import { setServerState } from "../../src/haproxy/runtime.ts";
import { nodeIds, nodeName, RouterLab, type NodeId } from "./postgres-router-lab.ts";
import { ConnectionLoad, reachedNode, Session } from "./postgres-router-client.ts";
import { until } from "./support/until.ts";

let lab: RouterLab;
beforeAll(async () => {
  lab = await RouterLab.open();
  await lab.deploy();
}, 300_000);
afterAll(() => lab.close(), 60_000);

beforeEach(async () => {
  await lab.says({ 1: "primary", 2: "standby" });
  await leadsTo(1);
}, 60_000);

it("leads to the node that says it is the primary, and lets nobody in while there is none", async () => {
  await lab.nodeSays(1, "standby");
  await until("nobody is up", async () => !(await lab.isUp(1)), 30);
  const began = performance.now();
  expect(await reachedNode()).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(1_000);
  await lab.nodeSays(2, "primary");
  await leadsTo(2);
}, 60_000);

it("does not know who is the primary after a start, whoever was before it", async () => {
  const load = new ConnectionLoad();
  for (let n = 0; n < 2; n++) {
    const primary: NodeId = n % 2 === 0 ? 2 : 1;
    await lab.router("systemctl stop haproxy");
    await lab.says({ 1: primary === 1 ? "primary" : "standby", 2: primary === 2 ? "primary" : "standby" });
    load.expects(primary);
    await lab.router("systemctl start haproxy");
    await leadsTo(primary);
  }
  expect((await load.stop()).astray).toBe(0);
}, 120_000);

it("leads nobody to the standby while it is restarted, reloaded and killed under load", async () => {
  const before = await lab.reached(2);
  const load = new ConnectionLoad();
  load.expects(1);
  for (let n = 0; n < 2; n++) {
    await lab.router("systemctl reload haproxy");
    await lab.router(n % 2 === 0 ? "systemctl restart haproxy" : "systemctl kill -s KILL haproxy");
    await leadsTo(1);
  }
  const { astray, taken } = await load.stop();
  expect(astray).toBe(0);
  expect(taken).toBeGreaterThan(20);
  expect(await lab.reached(2)).toBe(before);
}, 120_000);

it("lets nobody in while two nodes claim to be the primary, and goes on by itself when one stops", async () => {
  await lab.nodeSays(2, "primary");
  await until("both are up", async () => (await lab.isUp(1)) && (await lab.isUp(2)), 30);
  const before = await Promise.all(nodeIds.map((id) => lab.reached(id)));
  const taken = [];
  for (let n = 0; n < 100; n++) taken.push(await reachedNode());
  expect(taken).toEqual(taken.map(() => undefined));
  expect(await Promise.all(nodeIds.map((id) => lab.reached(id)))).toEqual(before);
  await lab.nodeSays(1, "standby");
  await leadsTo(2);
}, 60_000);

it("ends the sessions of a node that is the primary no more", async () => {
  const session = await Session.open();
  expect(session.node).toBe("1");
  await lab.says({ 1: "standby", 2: "primary" });
  await until("the session has ended", () => Promise.resolve(!session.isOpen), 30);
  await leadsTo(2);
}, 60_000);

it("keeps a silent session over new configurations, and no worker that has none", async () => {
  const session = await Session.open();
  for (let n = 1; n <= 2; n++) {
    await lab.deploy({
      change: (model) => ({ ...model, global: { ...model.global, connections: 1_000 + n } }),
    });
  }
  expect(await session.answers()).toBe(true);
  const oldWorkers = async () => (await lab.processes()).oldWorkers.length;
  await until("one old worker is left", async () => (await oldWorkers()) === 1, 30);
  session.close();
  await until("no old worker is left", async () => (await oldWorkers()) === 0, 30);
}, 120_000);

it("leaves a node in maintenance where an operator put it, through reload and restart", async () => {
  const primary = { backend: primaryListen, server: nodeName(1) };
  await lab.tell(setServerState(primary, "maint"));
  try {
    for (const verb of ["reload", "restart"]) {
      await lab.router(`systemctl ${verb} haproxy`);
      const found = (await lab.servers()).find(({ server }) => server === nodeName(1));
      expect(found).toMatchObject({ admin: "maint" });
      expect(await reachedNode()).toBeUndefined();
    }
  } finally {
    await lab.tell(setServerState(primary, "ready"));
  }
}, 60_000);

it("finds the node on its own host by name, and is as strict with it", async () => {
  await lab.deploy({ localNode: 2 });
  await leadsTo(1);
  const local = async () => (await lab.servers()).filter(({ server }) => server === nodeName(2));
  expect((await local()).map(({ backend }) => backend).sort()).toEqual([primaryListen, "probe-postgres-2"]);
  const names = await lab.router(
    "echo 'show servers state' | socat - /run/haproxy/admin.sock | grep -c pgr-test-2.incus",
  );
  expect(names).toBe("2\n");
  const load = new ConnectionLoad();
  load.expects(1);
  await lab.router("systemctl restart haproxy");
  await leadsTo(1);
  expect(await load.stop()).toMatchObject({ astray: 0 });
  await lab.says({ 1: "standby", 2: "primary" });
  await leadsTo(2);
  await lab.tell(setServerState({ backend: primaryListen, server: nodeName(2) }, "maint"));
  expect(await reachedNode()).toBeUndefined();
  await lab.tell(setServerState({ backend: primaryListen, server: nodeName(2) }, "ready"));
  await lab.deploy();
}, 120_000);

async function leadsTo(id: NodeId): Promise<void> {
  await until(`node ${String(id)} takes connections`, async () => (await reachedNode()) === String(id), 30);
}
