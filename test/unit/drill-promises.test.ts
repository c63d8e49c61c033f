import { describe, expect, it } from "@jest/globals";
import { judgeFailover, type FailoverObservations } from "../../src/ops/drill/promises.ts";
import type { HttpReport, Reconnect, WebSocketReport } from "../../src/ops/load/report.ts";

const group: HttpReport = {
  name: "pinned",
  requests: 3_000,
  failed: 0,
  byStatus: { "200": 3_000 },
  errors: {},
  byInstance: { one: 1_000, two: 2_000 },
  byVersion: {},
  moves: 10,
  latency: { p50: 2, p90: 5, p99: 300, max: 600 },
  firstFailures: [],
};
const reconnect: Reconnect = {
  client: 1,
  atMs: 5_000,
  closeCode: 1006,
  from: "one",
  to: "two",
  reconnectMs: 300,
  silenceMs: 400,
};
const webSockets: WebSocketReport = {
  clients: 2,
  connected: 2,
  connectedTo: { two: 2 },
  messages: 100,
  echoes: 100,
  connectErrors: {},
  reconnects: [reconnect],
};
const good: FailoverObservations = {
  instance: "one",
  load: { startedAt: 0, durationMs: 20_000, http: [group, { ...group, name: "unpinned" }], webSockets },
  probesBefore: { requests: 5, failed: 0 },
  probesDuring: { requests: 5, failed: 0 },
  downAfterMs: 15_000,
  upAfterMs: 8_000,
  servedAgainAfterMs: 100,
};

describe("the promises of a failover", () => {
  it("are all kept when nothing was noticed", () => {
    expect(judgeFailover(good)).toEqual([
      {
        promise: "0 requests fail, of at least 5,000 across the kill",
        seen: "0 of 6,000 failed",
        kept: true,
      },
      { promise: "p99 below 1,000 ms in every group", seen: "pinned 300 ms, unpinned 300 ms", kept: true },
      {
        promise: "every WebSocket of the killed instance is back on another one within 2.0 s",
        seen: "1 of 1 back, longest silence 0.4 s",
        kept: true,
      },
      { promise: "no other WebSocket is cut", seen: "none was", kept: true },
      {
        promise: "single requests before and during the outage are answered with 200",
        seen: "5 of 5, 5 of 5",
        kept: true,
      },
      { promise: "the server is DOWN within 20 s of the kill", seen: "after 15.0 s", kept: true },
      { promise: "it is UP again within 60 s of its start", seen: "after 8.0 s", kept: true },
      { promise: "it takes traffic again", seen: "first answer 0.1 s after UP", kept: true },
    ]);
  });

  it.each([
    ["one request fails", withHttp({ failed: 1 }), "0 requests fail"],
    ["too few requests were sent", withHttp({ requests: 1_999 }), "0 requests fail"],
    ["no load ran", { ...good, load: { ...good.load, http: [] } }, "0 requests fail", "p99"],
    ["one group is slow", withHttp({ latency: { ...group.latency, p99: 1_000 } }), "p99"],
    ["one group sent nothing", withHttp({ requests: 0 }), "0 requests fail", "p99"],
    [
      "a WebSocket is silent for too long",
      withReconnects({ ...reconnect, silenceMs: 2_000 }),
      "every WebSocket",
    ],
    ["a WebSocket never comes back", withReconnects({ ...reconnect, to: undefined }), "every WebSocket"],
    [
      "a WebSocket comes back to the killed instance",
      withReconnects({ ...reconnect, to: "one" }),
      "every WebSocket",
    ],
    ["no WebSocket was on the instance", withReconnects(), "every WebSocket"],
    [
      "a WebSocket elsewhere is cut",
      withReconnects(reconnect, { ...reconnect, from: "two" }),
      "no other WebSocket",
    ],
    ["a probe fails", { ...good, probesDuring: { requests: 5, failed: 1 } }, "single requests"],
    [
      "no probe was sent during the outage",
      { ...good, probesDuring: { requests: 0, failed: 0 } },
      "single requests",
    ],
    ["it is DOWN late", { ...good, downAfterMs: 20_001 }, "the server is DOWN"],
    ["it is never DOWN", { ...good, downAfterMs: undefined }, "the server is DOWN"],
    ["it is never UP", { ...good, upAfterMs: undefined }, "it is UP again"],
    ["it gets no traffic", { ...good, servedAgainAfterMs: undefined }, "it takes traffic"],
  ])("are broken when %s", (_, observations: FailoverObservations, ...broken: string[]) => {
    const found = judgeFailover(observations).filter(({ kept }) => !kept);
    expect(found).toHaveLength(broken.length);
    for (const [index, { promise }] of found.entries()) expect(promise).toContain(broken[index]);
  });
});

function withHttp(change: Partial<HttpReport>): FailoverObservations {
  return { ...good, load: { ...good.load, http: [group, { ...group, name: "unpinned", ...change }] } };
}

function withReconnects(...reconnects: Reconnect[]): FailoverObservations {
  return { ...good, load: { ...good.load, webSockets: { ...webSockets, reconnects } } };
}
