import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { changed } from "../../tools/verbs/pulumi.ts";
import { publicUrl, subnet } from "../lab/support/edge-config.ts";
import { serversOf } from "../lab/support/statistics.ts";
import { LabStack, type Release } from "../lab/support/stack.ts";
import { until } from "../lab/support/until.ts";

/** What a round asks for. */
interface Wanted {
  readonly release: Release;
  readonly api: readonly number[];
  /** Goes into haproxy.cfg. */
  readonly fullconn: number;
}

const rounds = Number(process.env["VEZA_KILLS"] ?? 20);
const random = randomNumbers(Number(process.env["VEZA_SEED"] ?? Date.now() % 100_000));

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open();
}, 120_000);
afterAll(() => stack.close(), 120_000);

async function configure({ release, api, fullconn }: Wanted): Promise<void> {
  const extraConfig = { api_pool: `fullconn ${String(fullconn)}\n` };
  await stack.configure({ release, api, loadBalancer: { extraConfig } });
}

/** All that a person wants of a host: these instances, this release, this configuration, nothing else. */
async function expectOnHost({ release, api, fullconn }: Wanted): Promise<void> {
  const instances = api.map((id) => `backend-api-${String(id)}`);
  expect(await stack.incus.names()).toEqual([...instances, "haproxy"]);
  await until(`all of ${instances.join(", ")} are UP`, async () => {
    const servers = [...(await serversOf("api_pool"))].map(
      ([name, { status, weight }]) => `${name} ${status} ${String(weight)}`,
    );
    return servers.join() === instances.map((name) => `${name} UP 100`).join();
  });
  for (const id of api) {
    const answer = await fetch(`http://${subnet}.${String(20 + id)}:8080/api/v1/health`);
    expect(answer.headers.get("X-Version")).toBe(release);
  }
  expect((await fetch(`${publicUrl}/api/v1/whoami`)).status).toBe(200);
  expect(await stack.incus.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg")).toContain(
    `fullconn ${String(fullconn)}\n`,
  );
}

describe("updates killed at any moment", () => {
  let before: Wanted = { release: "one", api: [1, 2], fullconn: 1000 };

  it.each(Array.from({ length: rounds }, (_, n) => n + 1))(
    "(%i) leave nothing that the next one does not put right, whether the change is kept or given up",
    async (round) => {
      const wanted: Wanted = {
        release: random() < 0.5 ? "one" : "two",
        api: random() < 0.5 ? [1, 2] : [1, 2, 3],
        fullconn: 1000 + round,
      };
      const seconds = random() * (round === 1 ? 15 : 12);
      const isGivenUp = round > 1 && random() < 0.5;
      const isCrash = random() < 0.5;
      const how = `${isCrash ? "all" : "engine"} killed after ${seconds.toFixed(1)} s`;
      console.log(`${JSON.stringify(wanted)} ${how}, ${isGivenUp ? "given up" : "kept"}`);
      await configure(wanted);
      const update = stack.startUp();
      await Promise.race([sleep(seconds * 1000), update.ended]);
      if (isCrash) update.crash();
      else update.killIfRunning();
      await update.ended;
      const next = isGivenUp ? before : wanted;
      await configure(next);
      await stack.up();
      await expectOnHost(next);
      expect(changed((await stack.up()).changes)).toBe(0);
      before = next;
    },
    300_000,
  );
});

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  console.log(`VEZA_SEED=${String(seed)} repeats this run`);
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
