import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bundleStandIns } from "../../lab/bundle.ts";
import { networkSchema } from "../../src/config/incus.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import type { InstanceSpec } from "../../src/fleet/model.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import { startLoad, type Load } from "../../src/ops/load/start-load.ts";
import { FleetLab, instancesOf } from "./fleet-lab.ts";
import type { Outcome } from "./support/containers.ts";
import { until } from "./support/until.ts";

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
  await balance(specs);
}, 400_000);
afterAll(() => lab.close(), 60_000);

/** Has the load balancer send requests to these instances, as an update does after its roll-outs. */
async function balance(specs: readonly InstanceSpec[], healthPath = "/api/v1/health"): Promise<void> {
  const servers = specs.map(({ id, name, address: at, application: { port } }) => ({
    id,
    name,
    address: at,
    port,
    agentPort: 8079,
  }));
  const config = loadBalancerSchema.parse({
    instances: [{ address }],
    healthChecks: { paths: { api_pool: healthPath } },
  });
  const network = networkSchema.parse({ gateway: "10.77.0.1/24" });
  const model = loadBalancerModel(config, { api_pool: servers, stream_pool: [] }, network);
  expect(await lab.apply(balancer, haproxyUnit(model), 120)).toMatchObject({ exitCode: 0 });
}

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

describe("what a load balancer only learns after the roll-out", () => {
  it("a new port: instances do not wait for it, and serve as soon as it knows", async () => {
    const moved = await fleetOf("7", { port: 8090 });
    const outcomes = await rollOut(moved);
    expect(outcomes).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    expect(outcomes[0]?.said).toContain("knows it as 10.77.0.71:8080");
    await balance(moved);
    await until("a request is answered", async () => (await versionBehind()) === "7", 15);
  }, 120_000);

  it("a new port whose version is broken: the old one is back on the old port", async () => {
    const broken = { port: 8091, environment: { FAIL_HEALTH: "1" }, healthSeconds: 5 };
    const [outcome] = await rollOut(await fleetOf("8", broken));
    expect(outcome?.exitCode).not.toBe(0);
    expect(outcome?.said).toMatch(/state now: releases\/[0-9a-f]{12} runs again/);
    await expect(ofServer("rolling-api-1")).resolves.toMatchObject({ status: "UP" });
  }, 60_000);

  it("a new address: what it says of the container at the old one is not waited for", async () => {
    const specs = await fleetOf("7", { port: 8090 });
    await balance(specs.map((spec) => (spec.id === 1 ? { ...spec, address: "10.77.0.79" } : spec)));
    const [outcome] = await rollOut((await fleetOf("9", { port: 8090 })).slice(0, 1));
    expect(outcome).toMatchObject({ exitCode: 0 });
    await balance(specs);
  }, 120_000);

  it("a new health path: what answers at both serves, and what does not is told why it cannot", async () => {
    const both = { port: 8090, healthPath: "/api/v1/whoami" };
    expect(await rollOut(await fleetOf("9", both))).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    await balance(await fleetOf("9", both), "/nowhere");
    const only = { port: 8090, healthPath: "/api/v1/health", healthSeconds: 5 };
    const [outcome] = await rollOut(await fleetOf("10", only));
    expect(outcome?.exitCode).not.toBe(0);
    expect(outcome?.said).toContain(
      "Load balancers still check /api/v1/whoami, and learn the new healthPath after",
    );
  }, 180_000);
});

async function versionBehind(): Promise<unknown> {
  const response = await fetch(`http://${address}/api/v1/whoami`, { headers: { Connection: "close" } });
  return response.ok ? ((await response.json()) as { version: unknown }).version : undefined;
}
