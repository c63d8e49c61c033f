import type { LoadOptions } from "../load/options.ts";
import type { DrillTarget } from "./target.ts";

export interface LoadSize {
  /** Requests per second of each group; a tenth of it for slow ones. */
  readonly perSecond: number;
  readonly webSockets: number;
}

/** Long enough for every wait of the drill at its limit. */
const maxSeconds = 300;
const timeoutMs = 10_000;

/**
 * The load for a pool: pinned and unpinned clients, slow requests and WebSockets for the one that pins clients by
 * cookie, many tracks for the other. The paths are those of the stand-in applications.
 */
export function drillLoad(
  target: DrillTarget,
  pool: string,
  { perSecond, webSockets }: LoadSize,
): LoadOptions {
  // A client per request of one second: while an answer takes that long, none waits for a client to be free.
  const group = { clients: perSecond, pace: { kind: "rate", perSecond }, timeoutMs } as const;
  if (pool === "stream_pool") {
    const paths = Array.from({ length: 200 }, (_, track) => `/stream/drill-${track}/1.ts`);
    return { ...common(target), http: [{ ...group, name: "tracks", pinned: false, paths }] };
  }
  const paths = [probePath(pool)];
  return {
    ...common(target),
    http: [
      { ...group, name: "pinned", pinned: true, paths },
      { ...group, name: "unpinned", pinned: false, paths },
      // Some of these are always under way, so the kill meets them half done.
      {
        ...group,
        name: "in flight",
        pinned: false,
        paths: ["/api/v1/slow?ms=300"],
        pace: { kind: "rate", perSecond: Math.ceil(perSecond / 10) },
      },
    ],
    ...(webSockets > 0 && { webSockets: { clients: webSockets, path: "/api/v1/ws", messageEveryMs: 100 } }),
  };
}

/** Five requests, one after the other, for steps 1 and 4. */
export function probeLoad(target: DrillTarget, pool: string): LoadOptions {
  return {
    ...common(target),
    http: [
      {
        name: "probe",
        clients: 1,
        pinned: false,
        paths: [probePath(pool)],
        pace: { kind: "closed" },
        maxRequests: 5,
        timeoutMs,
      },
    ],
  };
}

function probePath(pool: string): string {
  return pool === "stream_pool" ? "/stream/drill/1.ts" : "/api/v1/whoami";
}

function common({ baseUrl, tls }: DrillTarget): Pick<LoadOptions, "baseUrl" | "maxSeconds" | "tls"> {
  return { baseUrl, maxSeconds, ...(tls === undefined ? {} : { tls }) };
}
