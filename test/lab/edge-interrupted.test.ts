import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { changed } from "../../tools/verbs/pulumi.ts";
import { publicUrl } from "./support/edge-config.ts";
import { LabStack, type Release } from "./support/stack.ts";
import { serversOf } from "./support/statistics.ts";
import { until } from "./support/until.ts";

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open();
}, 120_000);
afterAll(() => stack.close(), 120_000);

/** Kills the engine once the update has said this, and a moment more. */
async function updateKilledAfter(pattern: RegExp, milliseconds: number): Promise<void> {
  const update = stack.startUp();
  await update.says(pattern);
  await sleep(milliseconds);
  update.kill();
  expect((await update.ended).exitCode).not.toBe(0);
}

async function expectServing(version: string, instances: readonly string[]): Promise<void> {
  await until(`all of ${instances.join(", ")} are UP`, async () => {
    // At their full weight: one that is just coming back gets a request now and then.
    const servers = [...(await serversOf("api_pool"))].map(
      ([name, { status, weight }]) => `${name} ${status} ${String(weight)}`,
    );
    return servers.join() === instances.map((name) => `${name} UP 100`).join();
  });
  const seen = new Set<string>();
  for (let n = 0; n < 4 * instances.length; n++) {
    const { headers } = await fetch(`${publicUrl}/api/v1/whoami`);
    seen.add(`${headers.get("X-Instance") ?? ""} ${headers.get("X-Version") ?? ""}`);
  }
  expect([...seen].sort()).toEqual(instances.map((name) => `${name} ${version}`));
}

describe("an update whose engine was killed", () => {
  it("while containers were made: the next one completes the edge", async () => {
    await updateKilledAfter(/backend-api-2-container-create creating/, 300);
    const next = await stack.up();
    expect(next.said).toContain(`The lock on stack ${stack.name} is cleared`);
    await expectServing("one", ["backend-api-1", "backend-api-2"]);
    // Nor does the engine go on warning of what it was about to create.
    expect(next.said).not.toMatch(/pending operations/);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 240_000);
});

describe("an update of a serving edge", () => {
  /** What both instances run between two tests, and what a roll-out brings instead. */
  const [old, next]: [Release, Release] = ["one", "two"];
  beforeEach(async () => {
    await stack.configure({ release: old });
    await stack.up();
    await expectServing(old, ["backend-api-1", "backend-api-2"]);
  }, 240_000);

  it("killed during a roll-out that was then given up: the next one takes it back", async () => {
    const untouched = await stack.incus.mainPid("backend-api-2", "backend-api");
    await stack.configure({ release: next });
    await updateKilledAfter(/backend-api-1-rollout-apply updating/, 2_000);
    await stack.configure({ release: old });
    const ended = await stack.up();
    expect(ended.said).toMatch(/did not end well: comparing it with the stack's state/);
    expect(ended.said).toMatch(/applying application in backend-api-1 again/);
    // For the engine no instance was ever changed.
    expect(ended.said).not.toMatch(/rollout-apply updat/);
    await expectServing(old, ["backend-api-1", "backend-api-2"]);
    expect(await stack.incus.mainPid("backend-api-2", "backend-api")).toBe(untouched);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 240_000);

  it("killed while a new instance was made that was then given up: the next one removes it", async () => {
    await stack.configure({ release: old, api: [1, 2, 3] });
    await updateKilledAfter(/backend-api-3-container-create creating/, 300);
    await stack.configure({ release: old, api: [1, 2] });
    await stack.up();
    expect(await stack.incus.names()).toEqual(["backend-api-1", "backend-api-2", "haproxy"]);
    await expectServing(old, ["backend-api-1", "backend-api-2"]);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 240_000);

  it("that failed half-way and was then given up: the next one takes back the half that was done", async () => {
    const load = { timeouts: { serverSeconds: 33 }, extraConfig: { api_pool: "balance sideways\n" } };
    await stack.configure({ release: next, loadBalancer: load });
    expect((await stack.tryUp()).exitCode).not.toBe(0);
    await stack.configure({ release: old });
    await stack.up();
    await expectServing(old, ["backend-api-1", "backend-api-2"]);
    expect(await stack.incus.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg")).not.toContain("33s");
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 240_000);
});
