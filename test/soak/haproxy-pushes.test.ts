import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { edge, HaproxyLab } from "../lab/haproxy-lab.ts";

let lab: HaproxyLab;
beforeAll(async () => {
  lab = await HaproxyLab.open();
  await lab.deploy();
}, 300_000);
afterAll(() => lab.close(), 60_000);

it("20 pushes under load lose none of at least 50,000 requests and cut no WebSocket", async () => {
  const closed = { kind: "closed" } as const;
  const load = startLoad({
    baseUrl: `http://${edge}`,
    maxSeconds: 500,
    http: [
      { name: "pinned", clients: 6, pinned: true, paths: ["/api/v1/health"], pace: closed },
      { name: "unpinned", clients: 4, pinned: false, paths: ["/api/v1/health"], pace: closed },
      {
        name: "tracks",
        clients: 2,
        pinned: false,
        paths: ["/stream/a/0", "/stream/b/0", "/stream/c/0"],
        pace: closed,
      },
    ],
    webSockets: { clients: 20, path: "/api/v1/ws", messageEveryMs: 500 },
  });
  const requests = (): number => load.snapshot().http.reduce((sum, group) => sum + group.requests, 0);
  for (let push = 1; push <= 20; push++) {
    await lab.deploy({ timeouts: { serverSeconds: 30 + push } });
    // Spread over the load, whatever this machine manages in a second.
    while (requests() < push * 2_500) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const report = await load.stop();
  expect(report.http.reduce((sum, group) => sum + group.requests, 0)).toBeGreaterThanOrEqual(50_000);
  expect(report.http.flatMap((group) => group.firstFailures)).toEqual([]);
  expect(report.webSockets).toMatchObject({ connected: 20, reconnects: [], connectErrors: {} });
  expect((await lab.processes()).oldWorkers.length).toBeLessThanOrEqual(20);
}, 560_000);
