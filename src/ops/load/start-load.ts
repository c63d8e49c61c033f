import { setTimeout as delay } from "node:timers/promises";
import { HttpLoad } from "./http-load.ts";
import type { LoadOptions } from "./options.ts";
import type { LoadReport } from "./report.ts";
import { WebSocketLoad } from "./websocket-load.ts";

export interface Load {
  /** What happened up to now. Two snapshots tell what happened between them. */
  snapshot(): LoadReport;
  /** Starts no new request, lets those under way end, closes the WebSockets. Calling it again is harmless. */
  stop(): Promise<LoadReport>;
  /** Fulfilled when the load has ended: stopped, `maxSeconds` over, or every group at its `maxRequests`. */
  readonly done: Promise<LoadReport>;
}

/** Begins to send at once. What goes wrong is counted, nothing throws. */
export function startLoad(options: LoadOptions): Load {
  const startedAt = performance.now();
  const startedAtEpoch = Date.now();
  const http = (options.http ?? []).map((group) => new HttpLoad(options, group, startedAt));
  const webSockets =
    options.webSockets === undefined ? undefined : new WebSocketLoad(options, options.webSockets, startedAt);

  const snapshot = (): LoadReport => ({
    startedAt: startedAtEpoch,
    durationMs: performance.now() - startedAt,
    http: http.map((group) => group.report()),
    webSockets: webSockets?.report(),
  });

  // The WebSockets are read off before they are closed: "connected" in the report means until the end.
  const end = async (): Promise<LoadReport> => {
    limit.abort();
    const stopped = http.map((group) => group.stop());
    const sockets = webSockets?.report();
    await Promise.all([...stopped, webSockets?.stop()]);
    return { ...snapshot(), webSockets: sockets };
  };
  let ending: Promise<LoadReport> | undefined;
  const stop = (): Promise<LoadReport> => (ending ??= end());

  const limit = new AbortController();
  const timeIsUp = delay(options.maxSeconds * 1_000, undefined, { signal: limit.signal }).catch(
    () => undefined,
  );
  // Without HTTP groups only time ends the load.
  const allSent = http.length === 0 ? timeIsUp : Promise.all(http.map((group) => group.ended));
  const done = Promise.race([timeIsUp, allSent]).then(stop);

  return { snapshot, stop, done };
}
