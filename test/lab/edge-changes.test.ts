import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { startLoad, type Load } from "../../src/ops/load/start-load.ts";
import type { LoadReport } from "../../src/ops/load/report.ts";
import { publicUrl, subnet } from "./support/edge-config.ts";
import { LabStack, type Release } from "./support/stack.ts";
import { serversOf } from "./support/statistics.ts";

let stack: LabStack;
/** What both instances run between two tests, and what a roll-out brings instead. */
let [old, next]: [Release, Release] = ["one", "two"];
beforeAll(async () => {
  stack = await LabStack.open();
}, 120_000);
beforeEach(async () => {
  await stack.configure({ release: old });
  await stack.up();
}, 240_000);
afterAll(() => stack.close(), 120_000);

/** Pinned and unpinned clients and WebSockets, until stopped. */
function load(): Load {
  const group = { clients: 4, paths: ["/api/v1/whoami"], pace: { kind: "closed", pauseMs: 10 } } as const;
  return startLoad({
    baseUrl: publicUrl,
    http: [
      { ...group, name: "pinned", pinned: true },
      { ...group, name: "unpinned", pinned: false },
    ],
    webSockets: { clients: 4, path: "/api/v1/ws", messageEveryMs: 100 },
    maxSeconds: 240,
  });
}

function failures(report: LoadReport): readonly unknown[] {
  return report.http.flatMap(({ firstFailures }) => firstFailures);
}

function versions(report: LoadReport): readonly string[] {
  return [...new Set(report.http.flatMap(({ byVersion }) => Object.keys(byVersion)))].sort();
}

async function pid(instance: string): Promise<string> {
  return stack.incus.mainPid(instance, "backend-api");
}

describe("a roll-out, with requests coming in", () => {
  it("of a new version fails no request, and both versions serve meanwhile", async () => {
    const requests = load();
    await stack.configure({ release: next });
    await stack.up();
    const after = requests.snapshot();
    const report = await requests.stop();
    expect(failures(report)).toEqual([]);
    expect(versions(report)).toEqual([old, next].sort());
    expect(report.http.map(({ requests }) => requests > 100)).toEqual([true, true]);
    expect(report.webSockets?.connected).toBe(4);
    // A client whose instance went came back, and none was thrown out twice by the same roll-out of two instances.
    expect(after.webSockets?.reconnects.length).toBeLessThanOrEqual(8);
    expect(await versionOf("backend-api-1")).toBe(next);
    expect(await versionOf("backend-api-2")).toBe(next);
    [old, next] = [next, old];
  }, 180_000);

  it("of a version that never turns healthy ends at the first instance, which is back on the old one", async () => {
    const untouched = await pid("backend-api-2");
    const requests = load();
    const broken = { healthSeconds: 8, environment: { FAIL_HEALTH: "1" } };
    await stack.configure({ release: next, apiFleet: broken });
    const ended = await stack.tryUp();
    const report = await requests.stop();
    expect(ended.exitCode).not.toBe(0);
    expect(ended.said).toMatch(
      /backend-api-1: releases\/[0-9a-f]{12} did not become healthy: within 8 s .* gave 500/,
    );
    expect(ended.said).toContain(`| backend-api ${next}: backend-api-1 listens`);
    expect(ended.said).toMatch(/state now: releases\/[0-9a-f]{12} runs again/);
    expect(failures(report)).toEqual([]);
    expect(versions(report)).toEqual([old]);
    expect(await versionOf("backend-api-1")).toBe(old);
    expect(await pid("backend-api-2")).toBe(untouched);
    expect([...(await serversOf("api_pool")).values()].map(({ status }) => status)).toEqual(["UP", "UP"]);
  }, 180_000);

  it("of an artifact that is not what its checksum says takes no instance out", async () => {
    const before = [await pid("backend-api-1"), await pid("backend-api-2")];
    const artifact = { path: `${stack.release(next)}/backend-api.mjs`, sha256: "0".repeat(64) };
    await stack.configure({ release: next, apiFleet: { artifact } });
    const ended = await stack.tryUp();
    expect(ended.exitCode).not.toBe(0);
    expect(ended.said).toMatch(/backend-api\.mjs has the SHA-256 [0-9a-f]{64}, expected 0{64}/);
    expect([await pid("backend-api-1"), await pid("backend-api-2")]).toEqual(before);
    expect([...(await serversOf("api_pool")).values()].map(({ status }) => status)).toEqual(["UP", "UP"]);
  }, 120_000);
});

describe("a change that cannot be made", () => {
  it("is told in HAProxy's words, nothing is restarted or cut, and the next good one works", async () => {
    const before = await stack.incus.haproxyProcesses();
    const requests = load();
    await stack.configure({
      release: old,
      loadBalancer: { extraConfig: { api_pool: "balance sideways\n" } },
    });
    const refused = await stack.tryUp();
    const report = await requests.stop();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.said).toMatch(/\[\/etc\/haproxy\/current\/haproxy\.cfg:\d+\] : balance only supports/);
    expect(refused.said).toMatch(
      /line \d+ \(from veza-edge:loadBalancer\.extraConfig\.api_pool\): balance sideways/,
    );
    expect(failures(report)).toEqual([]);
    expect(report.webSockets).toMatchObject({ connected: 4, reconnects: [] });
    expect(await stack.incus.haproxyProcesses()).toEqual(before);
    await stack.configure({ release: old, loadBalancer: { extraConfig: { api_pool: "fullconn 1000\n" } } });
    await stack.up();
    expect(await haproxyConfig()).toContain("fullconn 1000");
    expect((await stack.incus.haproxyProcesses()).master).toBe(before.master);
  }, 180_000);

  it("because somebody else is changing the stack is refused at once", async () => {
    await stack.configure({ release: next });
    const first = stack.startUp();
    await first.says(/backend-api-1-rollout-apply updating/);
    const second = await stack.tryUp();
    expect(second.exitCode).not.toBe(0);
    expect(second.said).toContain(`stack ${stack.name} is being updated by somebody else; nothing was done`);
    expect(await first.ended).toMatchObject({ exitCode: 0 });
    [old, next] = [next, old];
  }, 120_000);

  it("because a container was stopped by hand says how to start it, and works afterwards", async () => {
    await stack.incus.stop("backend-api-2");
    await stack.configure({ release: next });
    const refused = await stack.tryUp();
    expect(refused.exitCode).not.toBe(0);
    const project = stack.incus.name;
    expect(refused.said.trimEnd().split("\n").slice(-3)).toEqual([
      `bin/pulumi: stack ${stack.name} is not up to date:`,
      `✗ backend-api-2-rollout-apply: ${project}/backend-api-2: this container is STOPPED, so 'application' cannot be applied. Start it: incus start backend-api-2 --project ${project}`,
      "When that is mended, the same again goes on from there.",
    ]);
    await stack.incus.start("backend-api-2");
    await stack.up();
    expect(await versionOf("backend-api-2")).toBe(next);
    [old, next] = [next, old];
  }, 180_000);

  it("because there is no room for its files leaves what serves alone, and works when there is", async () => {
    const before = await stack.incus.haproxyProcesses();
    const units = "/var/lib/veza/units";
    await stack.incus.shell("haproxy", `mount -t tmpfs -o size=4k none ${units}`);
    try {
      const loadBalancer = { extraConfig: { api_pool: "fullconn 1001\n" } };
      await stack.configure({ release: old, loadBalancer });
      const full = await stack.tryUp();
      expect(full.exitCode).not.toBe(0);
      expect(full.said).toMatch(/No space left on device/);
      expect(full.said).toContain(`${stack.incus.name}/haproxy: 'haproxy' could not be applied`);
      expect(await stack.incus.haproxyProcesses()).toEqual(before);
    } finally {
      await stack.incus.shell("haproxy", `umount ${units}`);
    }
    await stack.up();
    expect(await haproxyConfig()).toContain("fullconn 1001");
  }, 180_000);
});

async function haproxyConfig(): Promise<string> {
  return stack.incus.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg");
}

/** What an instance itself says it runs. */
async function versionOf(instance: string): Promise<string> {
  const address = `${subnet}.${String(20 + Number(instance.replace(/\D/g, "")))}`;
  const answer = await fetch(`http://${address}:8080/api/v1/health`);
  return answer.headers.get("X-Version") ?? "";
}
