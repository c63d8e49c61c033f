import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { imagesSchema } from "../../src/config/incus.ts";
import { imageAlias } from "../../src/incus/image.ts";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { changed } from "../../tools/verbs/pulumi.ts";
import { publicUrl } from "./support/edge-config.ts";
import { addImageAlias, removeImageAlias } from "./support/incus.ts";
import { LabStack } from "./support/stack.ts";
import { serversOf } from "./support/statistics.ts";
import { until } from "./support/until.ts";

const everything = ["backend-api-1", "backend-api-2", "haproxy"];

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open();
  await stack.up();
}, 240_000);
afterAll(() => stack.close(), 120_000);

/** Both instances are UP and answer through the edge; resolves with the seconds until then. */
async function secondsUntilServing(): Promise<number> {
  const started = performance.now();
  await until("both instances serve", async () => {
    const servers = [...(await serversOf("api_pool")).values()].map(({ status }) => status);
    if (servers.join() !== "UP,UP") return false;
    const answers = await Promise.all(Array.from({ length: 4 }, () => fetch(`${publicUrl}/api/v1/whoami`)));
    return answers.every(({ status }) => status === 200);
  });
  return (performance.now() - started) / 1000;
}

describe("containers that somebody deleted", () => {
  it("are back, complete, after one update, and the others are as they were", async () => {
    const left = (await stack.incus.containers()).filter(({ name }) => name === "backend-api-1");
    await stack.incus.delete("backend-api-2");
    await stack.incus.delete("haproxy");
    const ended = await stack.up();
    for (const name of ["backend-api-2", "haproxy"])
      expect(ended.said).toContain(`applying container ${name} again`);
    await secondsUntilServing();
    expect(await stack.incus.containers()).toEqual(expect.arrayContaining(left));
    expect(await stack.incus.names()).toEqual(everything);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 180_000);
});

describe("all containers, stopped and started as by a reboot", () => {
  it("serve again without an update", async () => {
    await stack.incus.stop(...everything);
    await stack.incus.start(...everything);
    const seconds = await secondsUntilServing();
    console.log(`served ${seconds.toFixed(1)} s after the containers' start`);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 120_000);
});

describe("a stack whose state was lost", () => {
  it("is adopted as it is, without a new container, a new process or a failed request", async () => {
    const before = {
      containers: await stack.incus.containers(),
      pids: await Promise.all(
        ["1", "2"].map((id) => stack.incus.mainPid(`backend-api-${id}`, "backend-api")),
      ),
      haproxy: await stack.incus.haproxyProcesses(),
    };
    const http = { clients: 2, paths: ["/api/v1/whoami"], pace: { kind: "closed", pauseMs: 10 } } as const;
    const requests = startLoad({
      baseUrl: publicUrl,
      http: [{ ...http, name: "any", pinned: false }],
      maxSeconds: 90,
    });
    await stack.forgetState();
    const ended = await stack.up();
    const report = await requests.stop();
    expect(ended.changes).toMatchObject({ create: expect.any(Number) });
    expect(report.http.map(({ firstFailures }) => firstFailures)).toEqual([[]]);
    expect({
      containers: await stack.incus.containers(),
      pids: await Promise.all(
        ["1", "2"].map((id) => stack.incus.mainPid(`backend-api-${id}`, "backend-api")),
      ),
      haproxy: await stack.incus.haproxyProcesses(),
    }).toEqual(before);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 180_000);
});

describe("containers whose image has a new revision", () => {
  const images = imagesSchema.parse({});
  const next = { ...images.app, revision: images.app.revision + 990 };
  const alias = imageAlias("app", next);
  // The same image under the next revision's name: what is of interest is the containers, not another build.
  beforeAll(() => addImageAlias(imageAlias("app", images.app), alias), 60_000);
  afterAll(() => removeImageAlias(alias), 60_000);

  it("are replaced one after the other and complete after one update, which fails no request", async () => {
    const before = await stack.incus.containers();
    const http = { clients: 4, paths: ["/api/v1/whoami"], pace: { kind: "closed", pauseMs: 10 } } as const;
    const requests = startLoad({
      baseUrl: publicUrl,
      http: [
        { ...http, name: "pinned", pinned: true },
        { ...http, name: "unpinned", pinned: false },
      ],
      maxSeconds: 120,
    });
    await stack.configure({ rest: { images: { app: next } } });
    await stack.up();
    const report = await requests.stop();
    await secondsUntilServing();
    const now = await stack.incus.containers();
    expect(now.map(({ name }) => name).sort()).toEqual(everything);
    for (const { name, createdAt } of now) {
      const old = before.find((container) => container.name === name);
      expect(`${name} ${String(createdAt === old?.createdAt)}`).toBe(`${name} ${String(name === "haproxy")}`);
    }
    expect(report.http.map(({ firstFailures }) => firstFailures)).toEqual([[], []]);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 240_000);
});
