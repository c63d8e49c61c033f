import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bundleStandIns } from "../../lab/bundle.ts";
import { networkSchema } from "../../src/config/incus.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import type { InstanceSpec } from "../../src/fleet/model.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { loadBalancerUnit } from "../../src/haproxy/render.ts";
import { startLoad, type Load } from "../../src/ops/load/start-load.ts";
import { FleetLab, instancesOf, type Outcome } from "./fleet-lab.ts";

/** Names of our own: Incus refuses a name that another project has on the same bridge, such as that of a running lab. */
const balancer = "rolling-haproxy";
const address = "10.77.0.70";
const statistics = [{ address, port: 9100 }];

let lab: FleetLab;
beforeAll(async () => {
  lab = await FleetLab.open();
  await lab.container(balancer, "haproxy", address);
  const specs = await fleetOf("1");
  for (const spec of specs) {
    await lab.container(spec.name, "app", spec.address);
    expect(await lab.rollOut(spec, statistics)).toMatchObject({ exitCode: 0 });
  }
  const servers = specs.map(({ id, name, address: at }) => ({
    id,
    name,
    address: at,
    port: 8080,
    agentPort: 8079,
  }));
  const config = loadBalancerSchema.parse({ instances: [{ address }] });
  const network = networkSchema.parse({ gateway: "10.77.0.1/24" });
  const model = loadBalancerModel(config, { api_pool: servers, stream_pool: [] }, network);
  expect(await lab.apply(balancer, loadBalancerUnit(model), 120)).toMatchObject({ exitCode: 0 });
}, 400_000);
afterAll(() => lab.close(), 60_000);

async function fleetOf(
  version: string,
  changes: Parameters<typeof instancesOf>[1] = {},
): Promise<readonly InstanceSpec[]> {
  const bundled = await bundleStandIns(lab.directory, { version });
  const api = bundled.find(({ app }) => app === "backend-api");
  if (api === undefined) throw new Error("no stand-in for backend-api");
  return instancesOf({ path: api.path, sha256: api.sha256 }, changes);
}

/** One instance after the other, up to the first that fails, as the chain of an update does. */
async function rollOut(specs: readonly InstanceSpec[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const spec of specs) {
    const outcome = await lab.rollOut(spec, statistics);
    outcomes.push(outcome);
    if (outcome.exitCode !== 0) break;
  }
  return outcomes;
}

function load(): Load {
  const group = { clients: 10, paths: ["/api/v1/whoami"], pace: { kind: "rate" as const, perSecond: 50 } };
  return startLoad({
    baseUrl: `http://${address}`,
    http: [
      { ...group, name: "pinned", pinned: true },
      { ...group, name: "unpinned", pinned: false },
      { ...group, name: "slow", pinned: true, paths: ["/api/v1/slow?ms=1500"], pace: { kind: "closed" } },
    ],
    webSockets: { clients: 6, path: "/api/v1/ws", messageEveryMs: 500 },
    maxSeconds: 120,
  });
}

const ofServer = async (name: string) => {
  const csv = await (await fetch(`http://${address}:9100/stats;csv`)).text();
  const row = csv.split("\n").find((line) => line.startsWith(`api_pool,${name},`));
  const columns = (row ?? "").split(",");
  return { status: columns[17], weight: columns[18] };
};
const serving = async (at: string) =>
  (await (await fetch(`http://${at}:8080/api/v1/whoami`, { headers: { Connection: "close" } })).json()) as {
    version: string;
  };
const process = (name: string) => lab.shell(name, "systemctl show --value -p MainPID rolling-api");
const operator = (line: string) => lab.shell(balancer, `echo '${line}' | socat - /run/haproxy/admin.sock`);

describe("a fleet of two behind HAProxy", () => {
  it("takes a new version without a failed request, pinned, unpinned or slow, and moves WebSockets", async () => {
    const running = load();
    const outcomes = await rollOut(await fleetOf("2"));
    const report = await running.stop();
    expect(outcomes).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    for (const group of report.http) {
      expect(group).toMatchObject({ failed: 0, firstFailures: [] });
      expect(Object.keys(group.byVersion).sort()).toEqual(["1", "2"]);
    }
    expect(report.webSockets).toMatchObject({ clients: 6, connected: 6, connectErrors: {} });
    for (const moved of report.webSockets?.reconnects ?? []) {
      expect(moved.closeCode).toBe(1012); // by the application, not cut
      expect(moved.to).not.toBe(moved.from);
      expect(moved.reconnectMs).toBeLessThan(2000);
    }
  }, 120_000);

  it("goes back to the old version on the first instance and leaves the second alone, without a failed request", async () => {
    const second = await process("rolling-api-2");
    const running = load();
    const outcomes = await rollOut(
      await fleetOf("3", { environment: { FAIL_HEALTH: "1" }, healthSeconds: 5 }),
    );
    const report = await running.stop();
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]?.exitCode).not.toBe(0);
    expect(outcomes[0]?.said).toContain("rolling-api-1: state now: releases/");
    for (const group of report.http)
      expect(group).toMatchObject({ failed: 0, byVersion: { "2": group.requests } });
    await expect(serving("10.77.0.71")).resolves.toMatchObject({ version: "2" });
    await expect(process("rolling-api-2")).resolves.toBe(second);
    await expect(ofServer("rolling-api-1")).resolves.toMatchObject({ status: "UP" });
  }, 120_000);

  it("leaves an operator's drain as it was", async () => {
    await operator("set server api_pool/rolling-api-1 state drain");
    const [spec] = await fleetOf("4");
    expect(await rollOut(spec === undefined ? [] : [spec])).toMatchObject([{ exitCode: 0 }]);
    expect((await ofServer("rolling-api-1")).status).toMatch(/^DRAIN/);
    await operator("set server api_pool/rolling-api-1 state ready");
    await expect(serving("10.77.0.71")).resolves.toMatchObject({ version: "4" });
  }, 60_000);

  it("does not touch an instance that a load balancer would go on sending requests to", async () => {
    const before = await process("rolling-api-1");
    await operator("disable agent api_pool/rolling-api-1");
    const [outcome] = await rollOut(await fleetOf("5"));
    await operator("enable agent api_pool/rolling-api-1");
    expect(outcome?.exitCode).not.toBe(0);
    expect(outcome?.said).toContain("rolling-api-1: a load balancer goes on sending requests 10 s after");
    expect(outcome?.said).toContain("the application was not touched and goes on serving releases/");
    await expect(process("rolling-api-1")).resolves.toBe(before);
  }, 60_000);

  it("restarts the only server of a pool without a drain, which would only make the outage longer", async () => {
    await operator("set server api_pool/rolling-api-2 state maint");
    const [spec] = await fleetOf("6");
    const [outcome] = await rollOut(spec === undefined ? [] : [spec]);
    await operator("set server api_pool/rolling-api-2 state ready");
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(outcome?.said).toContain("no other server of api_pool takes requests: restarted without a drain");
  }, 60_000);
});
