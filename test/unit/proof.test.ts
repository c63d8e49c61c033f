import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { proveEdge, type ProvedEdge } from "../../src/ops/proof/proof.ts";

/** A small edge of its own, so that each way to be wrong can be tried. */
interface Behaviour {
  readonly apiInstanceOf: (request: number, cookie: string | undefined) => string;
  readonly streamInstanceOf: (track: string, request: number) => string;
  readonly statusOf?: (request: number) => number;
  readonly cookie?: string;
}

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function edge(behaviour: Behaviour): Promise<ProvedEdge> {
  let requests = 0;
  const answer: RequestListener = (request, response) => {
    requests++;
    const sent = /SRV=([^;]*)/.exec(request.headers.cookie ?? "")?.[1];
    const track = /^\/stream\/([^/]+)\//.exec(request.url ?? "")?.[1];
    const instance =
      track === undefined
        ? behaviour.apiInstanceOf(requests, sent)
        : behaviour.streamInstanceOf(track, requests);
    response.statusCode = behaviour.statusOf?.(requests) ?? 200;
    response.setHeader("x-instance", instance);
    if (sent === undefined)
      response.setHeader("set-cookie", `${behaviour.cookie ?? "SRV"}=${instance}; path=/`);
    response.end("ok");
  };
  const listening = createServer(answer);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${String(port)}`,
    cookie: "SRV",
    apiPath: "/health",
    streamPrefix: "/stream/",
    apiInstances: ["api-1", "api-2"],
    streamInstances: ["stream-1", "stream-2"],
  };
}

const good: Behaviour = {
  apiInstanceOf: (request, cookie) => cookie ?? `api-${String((request % 2) + 1)}`,
  streamInstanceOf: (track) => `stream-${String((Number(track.replace(/\D/g, "")) % 2) + 1)}`,
};

async function broken(behaviour: Partial<Behaviour>): Promise<readonly string[]> {
  const claims = await proveEdge(await edge({ ...good, ...behaviour }), { readyMs: 0, requestMs: 500 });
  return claims.filter(({ holds }) => !holds).map(({ says, seen }) => `${says}: ${seen}`);
}

describe("the proof", () => {
  it("holds for an edge that serves, sticks and spreads", async () => {
    expect(await broken({})).toEqual([]);
  });

  it("names the instance that serves nobody", async () => {
    expect(await broken({ apiInstanceOf: () => "api-1" })).toEqual([
      expect.stringContaining("none from api-2"),
    ]);
  });

  it("sees a cookie that does not stick", async () => {
    const roundRobin = (request: number): string => `api-${String((request % 2) + 1)}`;
    expect(await broken({ apiInstanceOf: roundRobin })).toEqual([
      expect.stringMatching(/keeps a client on its server: 5 of 10 requests left api-\d/),
    ]);
  });

  it("sees a cookie of another name", async () => {
    expect(await broken({ cookie: "OTHER" })).toEqual([expect.stringContaining("set no such cookie")]);
  });

  it("sees a track that is served by two servers", async () => {
    const scattered = (_track: string, request: number): string => `stream-${String((request % 2) + 1)}`;
    expect(await broken({ streamInstanceOf: scattered })).toEqual([expect.stringContaining("40 split")]);
  });

  it("sees tracks that are all on one server", async () => {
    expect(await broken({ streamInstanceOf: () => "stream-1" })).toEqual([
      expect.stringContaining("stream-1 40, stream-2 0"),
    ]);
  });

  it("sees a request that fails", async () => {
    expect(await broken({ statusOf: (request) => (request === 3 ? 503 : 200) })).toEqual([
      expect.stringContaining("9 × 200"),
    ]);
  });

  it("reports an edge that does not answer, and does not throw", async () => {
    const gone = { ...(await edge(good)), baseUrl: "http://127.0.0.1:1" };
    const claims = await proveEdge(gone, { readyMs: 0, requestMs: 500 });
    expect(claims.map(({ holds }) => holds)).toEqual([false, false, false, false]);
  });
});
