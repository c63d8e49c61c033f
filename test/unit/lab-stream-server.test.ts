import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Service } from "../../lab/shared/service.ts";
import { makeSegment, segmentBytes, startStreamServer } from "../../lab/stream-server/stream-server.ts";
import { TrackCache } from "../../lab/stream-server/track-cache.ts";

describe("stream-server", () => {
  let service: Service;

  async function start(): Promise<string> {
    const settings = { port: 0, instance: "stream-1", shutdownSeconds: 5, failHealth: false, crash: false };
    service = await startStreamServer(settings, "v1");
    return `http://127.0.0.1:${service.port}`;
  }

  afterEach(async () => {
    await service.close();
  });

  it("serves the same bytes again, from the cache", async () => {
    const base = await start();
    const first = await fetch(`${base}/stream/song/1.ts`);
    const second = await fetch(`${base}/stream/song/1.ts`);
    expect([first, second].map(({ headers }) => [headers.get("x-instance"), headers.get("x-cache")])).toEqual(
      [
        ["stream-1", "miss"],
        ["stream-1", "hit"],
      ],
    );
    const bytes = Buffer.from(await first.arrayBuffer());
    expect(bytes).toEqual(makeSegment("song", "1.ts"));
    expect(bytes).toHaveLength(segmentBytes);
    expect(Buffer.from(await second.arrayBuffer())).toEqual(bytes);
  });

  it("counts hits and misses of a track and of the whole instance", async () => {
    const base = await start();
    for (const path of ["a/1", "a/1", "a/2", "b/1"])
      await (await fetch(`${base}/stream/${path}`)).arrayBuffer();
    expect(await (await fetch(`${base}/stream/a`)).json()).toMatchObject({
      instance: "stream-1",
      track: "a",
      cachedSegments: ["1", "2"],
      hits: 1,
      misses: 2,
    });
    expect(await (await fetch(`${base}/stats`)).json()).toMatchObject({ tracks: 2, hits: 1, misses: 3 });
  });

  it.each([
    ["GET", "/health", 200],
    ["HEAD", "/stream/a/1", 200],
    ["POST", "/stream/a/1", 405],
    ["GET", "/stream/", 404],
    ["GET", "/stream/a/b/c", 404],
    ["GET", "/stream/a%20b/1", 404],
  ])("%s %s is answered with %i", async (method, path, status) => {
    expect((await fetch((await start()) + path, { method })).status).toBe(status);
  });
});

describe("the cache of tracks", () => {
  it("forgets the track that was unused for longest", () => {
    const cache = new TrackCache({ tracks: 2, segmentsPerTrack: 1 });
    for (const track of ["a", "b", "a", "c"]) cache.get(track, "1", () => Buffer.from(track));
    expect(["a", "b", "c"].map((track) => cache.track(track) !== undefined)).toEqual([true, false, true]);
  });

  it("never holds more than its limits, and counts every request once", () => {
    const request = fc.tuple(fc.nat(9).map(String), fc.nat(9).map(String));
    fc.assert(
      fc.property(fc.array(request), (requests) => {
        const cache = new TrackCache({ tracks: 3, segmentsPerTrack: 2 });
        for (const [track, segment] of requests) {
          cache.get(track, segment, () => Buffer.from(segment));
          expect(cache.size).toBeLessThanOrEqual(3);
          expect(cache.track(track)?.segments.size).toBeLessThanOrEqual(2);
        }
        expect(cache.hits + cache.misses).toBe(requests.length);
      }),
    );
  });
});
