import type { HttpReport, LoadReport, Reconnect } from "../load/report.ts";

/** What the edge promises when one instance dies. */
export interface FailoverLimits {
  /** Requests that have to be sent across the kill for the result to mean something. */
  readonly minRequests: number;
  /** Upper bound of the 99th percentile of each group of clients, ms. */
  readonly p99Ms: number;
  /** Upper bound of a WebSocket client's silence, ms. */
  readonly webSocketSilenceMs: number;
  /** Bound of the time from the kill until HAProxy calls the server DOWN, s. */
  readonly downSeconds: number;
  /** Bound of the time from the start until HAProxy calls it UP, s. */
  readonly upSeconds: number;
}

export const failoverLimits: FailoverLimits = {
  minRequests: 5_000,
  p99Ms: 1_000,
  webSocketSilenceMs: 2_000,
  downSeconds: 20,
  upSeconds: 60,
};

/** What was seen. A time is undefined when the event did not come while it was waited for. */
export interface FailoverObservations {
  /** The instance that was killed, as in `X-Instance`. */
  readonly instance: string;
  readonly load: LoadReport;
  /** Single requests, one after the other: before the kill, and while the server was DOWN. */
  readonly probesBefore: Probes;
  readonly probesDuring: Probes;
  readonly downAfterMs: number | undefined;
  readonly upAfterMs: number | undefined;
  /** From UP to the instance's first answer under load. */
  readonly servedAgainAfterMs: number | undefined;
}

export type Probes = Pick<HttpReport, "requests" | "failed">;

export interface PromiseResult {
  readonly promise: string;
  readonly seen: string;
  readonly kept: boolean;
}

/** Holds what was seen against what is promised. Pure; nothing seen is never a promise kept. */
export function judgeFailover(
  observations: FailoverObservations,
  limits: FailoverLimits = failoverLimits,
): PromiseResult[] {
  const { load, probesBefore, probesDuring, downAfterMs, upAfterMs, servedAgainAfterMs } = observations;
  return [
    noRequestFails(load.http, limits.minRequests),
    staysFast(load.http, limits.p99Ms),
    ...(load.webSockets === undefined ? [] : webSocketsReturn(observations, limits.webSocketSilenceMs)),
    probesAnswered(probesBefore, probesDuring),
    within("the server is DOWN", downAfterMs, limits.downSeconds, "of the kill"),
    within("it is UP again", upAfterMs, limits.upSeconds, "of its start"),
    {
      promise: "it takes traffic again",
      seen:
        servedAgainAfterMs === undefined
          ? "no answer from it"
          : `first answer ${seconds(servedAgainAfterMs)} after UP`,
      kept: servedAgainAfterMs !== undefined,
    },
  ];
}

function noRequestFails(groups: readonly HttpReport[], minRequests: number): PromiseResult {
  const requests = sum(groups, (group) => group.requests);
  const failed = sum(groups, (group) => group.failed);
  return {
    promise: `0 requests fail, of at least ${count(minRequests)} across the kill`,
    seen: `${count(failed)} of ${count(requests)} failed`,
    kept: failed === 0 && requests >= minRequests,
  };
}

function staysFast(groups: readonly HttpReport[], p99Ms: number): PromiseResult {
  const answered = groups.filter((group) => group.requests > 0);
  return {
    promise: `p99 below ${count(p99Ms)} ms in every group`,
    seen:
      answered.map((group) => `${group.name} ${group.latency.p99.toFixed(0)} ms`).join(", ") || "no requests",
    kept: answered.length > 0 && groups.every((group) => group.requests > 0 && group.latency.p99 < p99Ms),
  };
}

function webSocketsReturn({ load, instance }: FailoverObservations, silenceMs: number): PromiseResult[] {
  const reconnects = load.webSockets?.reconnects ?? [];
  const affected = reconnects.filter(({ from }) => from === instance);
  const others = reconnects.length - affected.length;
  const back = affected.filter(({ to }) => to !== undefined && to !== instance);
  const longest = Math.max(0, ...back.map((reconnect) => reconnect.silenceMs ?? Infinity));
  return [
    {
      promise: `every WebSocket of the killed instance is back on another one within ${seconds(silenceMs)}`,
      seen:
        affected.length === 0
          ? "none was cut"
          : `${back.length} of ${affected.length} back, longest silence ${seconds(longest)}`,
      kept: affected.length > 0 && back.length === affected.length && longest < silenceMs,
    },
    {
      promise: "no other WebSocket is cut",
      seen: others === 0 ? "none was" : `${others} cut (${closeCodes(reconnects, instance)})`,
      kept: others === 0,
    },
  ];
}

function probesAnswered(before: Probes, during: Probes): PromiseResult {
  const failed = before.failed + during.failed;
  return {
    promise: "single requests before and during the outage are answered with 200",
    seen: `${before.requests - before.failed} of ${before.requests}, ${during.requests - during.failed} of ${during.requests}`,
    kept: failed === 0 && before.requests > 0 && during.requests > 0,
  };
}

function within(event: string, afterMs: number | undefined, limit: number, since: string): PromiseResult {
  return {
    promise: `${event} within ${limit} s ${since}`,
    seen: afterMs === undefined ? "it did not come" : `after ${seconds(afterMs)}`,
    kept: afterMs !== undefined && afterMs <= limit * 1_000,
  };
}

function closeCodes(reconnects: readonly Reconnect[], instance: string): string {
  const codes = reconnects.filter(({ from }) => from !== instance).map(({ closeCode }) => closeCode);
  return `close code ${[...new Set(codes)].join(", ")}`;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}
