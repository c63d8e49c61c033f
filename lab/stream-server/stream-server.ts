import { createHash } from "node:crypto";
import { json, startService, type Reply, type Service } from "../shared/service.ts";
import type { Settings } from "../shared/settings.ts";
import { TrackCache } from "./track-cache.ts";

/** Bytes in every segment. */
export const segmentBytes = 16 * 1024;
const limits = { tracks: 2_000, segmentsPerTrack: 8 };

const trackPath = /^\/stream\/([\w-]{1,64})$/;
const segmentPath = /^\/stream\/([\w-]{1,64})\/([\w.-]{1,64})$/;

/** Stand-in for the HLS server: segments of made-up tracks, kept in a cache per track. */
export async function startStreamServer(settings: Settings, version: string): Promise<Service> {
  const { instance } = settings;
  const cache = new TrackCache(limits);

  return startService(settings, version, (request, path): Reply => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return json(405, { error: "GET and HEAD only", instance }, { Allow: "GET, HEAD" });
    }
    if (path === "/health") {
      return settings.failHealth
        ? json(500, { status: "failing, as FAIL_HEALTH=1 asks", instance, version })
        : json(200, { status: "ok", instance, version });
    }
    if (path === "/stats") {
      return json(200, { instance, version, tracks: cache.size, hits: cache.hits, misses: cache.misses });
    }
    // Below the track's own path, so that through the load balancer it reaches the server that holds the track.
    const [, described] = trackPath.exec(path) ?? [];
    if (described !== undefined) {
      const track = cache.track(described);
      return json(200, {
        instance,
        version,
        track: described,
        cachedSegments: [...(track?.segments.keys() ?? [])],
        hits: track?.hits ?? 0,
        misses: track?.misses ?? 0,
      });
    }
    const [, trackId, segment] = segmentPath.exec(path) ?? [];
    if (trackId !== undefined && segment !== undefined) {
      const { bytes, hit } = cache.get(trackId, segment, () => makeSegment(trackId, segment));
      return {
        status: 200,
        headers: { "Content-Type": "application/octet-stream", "X-Cache": hit ? "hit" : "miss" },
        body: bytes,
      };
    }
    return json(404, { error: "not found", path, instance });
  });
}

/** The same bytes for the same segment on every instance, so that a client can check what it got. */
export function makeSegment(trackId: string, segment: string): Buffer {
  return createHash("shake256", { outputLength: segmentBytes }).update(`${trackId}/${segment}`).digest();
}
