import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { startBackendApi } from "../../lab/backend-api/backend-api.ts";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { Cookies } from "../../src/ops/load/cookies.ts";
import type { HttpLoadOptions } from "../../src/ops/load/options.ts";

let server: Server | undefined;

async function serve(listener: RequestListener): Promise<string> {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

const group: HttpLoadOptions = {
  name: "g",
  clients: 4,
  pinned: false,
  paths: ["/"],
  pace: { kind: "closed" },
};

describe("HTTP load", () => {
  it("ends at maxRequests and counts each answer by status, instance and version", async () => {
    let count = 0;
    const baseUrl = await serve((_, response) => {
      count += 1;
      response.writeHead(count % 5 === 0 ? 503 : 200, { "X-Instance": `i${count % 2}`, "X-Version": "v1" });
      response.end("x");
    });
    const report = await startLoad({ baseUrl, maxSeconds: 20, http: [{ ...group, maxRequests: 100 }] }).done;
    expect(report.http).toMatchObject([
      {
        name: "g",
        requests: 100,
        failed: 20,
        byStatus: { "200": 80, "503": 20 },
        errors: {},
        byInstance: { i0: 50, i1: 50 },
        byVersion: { v1: 100 },
      },
    ]);
    expect(count).toBe(100);
  });

  it("counts an answer that breaks off as an error, with its code", async () => {
    const baseUrl = await serve((_, response) => {
      response.writeHead(200, { "Content-Length": 1_000 });
      response.write("half");
      setTimeout(() => response.destroy(), 20);
    });
    const { http } = await startLoad({ baseUrl, maxSeconds: 20, http: [{ ...group, maxRequests: 3 }] }).done;
    expect(http).toMatchObject([{ requests: 3, failed: 3, byStatus: {}, errors: { UND_ERR_SOCKET: 3 } }]);
    expect(http[0]?.firstFailures).toHaveLength(3);
  });

  it("counts a refused connection and a time-out by their codes", async () => {
    const silent = await serve(() => undefined);
    const timedOut = await startLoad({
      baseUrl: silent,
      maxSeconds: 20,
      http: [{ ...group, maxRequests: 2, timeoutMs: 200 }],
    }).done;
    expect(timedOut.http).toMatchObject([{ failed: 2, errors: { TIMEOUT: 2 } }]);

    const refused = await startLoad({
      baseUrl: "http://127.0.0.1:9",
      maxSeconds: 20,
      http: [{ ...group, maxRequests: 2 }],
    }).done;
    expect(refused.http).toMatchObject([{ failed: 2, errors: { ECONNREFUSED: 2 } }]);
  });

  it("keeps cookies for pinned clients only, each its own", async () => {
    const seen: (string | undefined)[] = [];
    let given = 0;
    const baseUrl = await serve((request, response) => {
      seen.push(request.headers.cookie);
      if (request.headers.cookie === undefined)
        response.setHeader("Set-Cookie", `S=${(given += 1)}; path=/; HttpOnly`);
      response.end();
    });
    await startLoad({
      baseUrl,
      maxSeconds: 20,
      http: [{ ...group, clients: 2, pinned: true, maxRequests: 20 }],
    }).done;
    expect(given).toBe(2);
    expect(new Set(seen)).toEqual(new Set([undefined, "S=1", "S=2"]));

    seen.length = 0;
    await startLoad({ baseUrl, maxSeconds: 20, http: [{ ...group, maxRequests: 10 }] }).done;
    expect(seen).toEqual(Array.from({ length: 10 }, () => undefined));
  });

  it("holds the rate, and counts waiting from the time a request was due", async () => {
    // Everything that comes in the first 400 ms waits for the end of them.
    const opensAt = performance.now() + 400;
    const baseUrl = await serve((_, response) => {
      setTimeout(() => response.end(), Math.max(0, opensAt - performance.now()));
    });
    const { http, durationMs } = await startLoad({
      baseUrl,
      maxSeconds: 20,
      http: [{ ...group, clients: 2, pace: { kind: "rate", perSecond: 100 }, maxRequests: 100 }],
    }).done;
    expect(http).toMatchObject([{ requests: 100, failed: 0 }]);
    expect(durationMs).toBeGreaterThan(950);
    // A closed loop of two clients would have seen two slow requests of 100; here about 35 were due in that time.
    expect(http[0]?.latency.p90).toBeGreaterThan(200);
    expect(http[0]?.latency.p50).toBeLessThan(200);
  });

  it("lets open requests finish when it is stopped, and reports them", async () => {
    const baseUrl = await serve((_, response) => setTimeout(() => response.end(), 300));
    const load = startLoad({ baseUrl, maxSeconds: 20, http: [group] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(load.snapshot().http).toMatchObject([{ requests: 0 }]);
    expect((await load.stop()).http).toMatchObject([{ requests: 4, failed: 0 }]);
    expect(await load.done).toEqual(await load.stop());
  });
});

describe("WebSocket load", () => {
  const settings = { port: 0, shutdownSeconds: 1, failHealth: false, crash: false };

  it("comes back after being cut off and measures the gap", async () => {
    const first = await startBackendApi({ ...settings, instance: "one" }, "v1");
    const baseUrl = `http://127.0.0.1:${first.port}`;
    const load = startLoad({
      baseUrl,
      maxSeconds: 20,
      webSockets: { clients: 3, path: "/api/v1/ws", messageEveryMs: 20 },
    });
    await until(() => load.snapshot().webSockets?.connected === 3);

    await first.close();
    const gapMs = 300;
    await new Promise((resolve) => setTimeout(resolve, gapMs));
    const second = await startBackendApi({ ...settings, port: first.port, instance: "two" }, "v1");
    await until(() => load.snapshot().webSockets?.connected === 3);
    const { webSockets } = await load.stop();
    await second.close();

    expect(webSockets).toMatchObject({ clients: 3, connected: 3, connectedTo: { two: 3 } });
    expect(webSockets?.reconnects).toHaveLength(3);
    for (const reconnect of webSockets?.reconnects ?? []) {
      expect(reconnect).toMatchObject({ closeCode: 1012, from: "one", to: "two" });
      expect(reconnect.reconnectMs).toBeGreaterThan(gapMs - 50);
      expect(reconnect.silenceMs).toBeGreaterThanOrEqual(reconnect.reconnectMs ?? Infinity);
    }
    expect(webSockets?.connectErrors["ECONNREFUSED"]).toBeGreaterThan(0);
  });

  it("reports clients that did not come back", async () => {
    const service = await startBackendApi({ ...settings, instance: "one" }, "v1");
    const load = startLoad({
      baseUrl: `http://127.0.0.1:${service.port}`,
      maxSeconds: 20,
      webSockets: { clients: 2, path: "/api/v1/ws", messageEveryMs: 20 },
    });
    await until(() => load.snapshot().webSockets?.connected === 2);
    await service.close();
    await until(() => load.snapshot().webSockets?.reconnects.length === 2);
    const { webSockets } = await load.stop();
    expect(webSockets?.connected).toBe(0);
    expect(webSockets?.reconnects.map(({ to }) => to)).toEqual([undefined, undefined]);
  });
});

describe("a client's cookies", () => {
  it("are kept by name, and forgotten when the server says so", () => {
    const cookies = new Cookies();
    cookies.store(["a=1; Path=/; HttpOnly", "b=2; Max-Age=60"]);
    cookies.store("a=3");
    expect(cookies.header).toBe("a=3; b=2");
    cookies.store(["a=; Path=/", "b=2; Max-Age=0"]);
    expect(cookies.header).toBeUndefined();
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
