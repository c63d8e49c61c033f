/** What happened to a load, so far or altogether. Plain data, fit for JSON. */
export interface LoadReport {
  /** Milliseconds since the epoch. Times named `atMs` below count from here. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly http: readonly HttpReport[];
  readonly webSockets: WebSocketReport | undefined;
}

export interface HttpReport {
  readonly name: string;
  /** Requests that came to an end, good or bad. */
  readonly requests: number;
  /** Of these, the ones that were not answered whole with 200. */
  readonly failed: number;
  /** Answers by status. */
  readonly byStatus: Counts;
  /** Requests without a complete answer, by the error's code (`UND_ERR_SOCKET`, `ECONNREFUSED`, `TIMEOUT`). */
  readonly errors: Counts;
  /** Answers by `X-Instance` and by `X-Version`. */
  readonly byInstance: Counts;
  readonly byVersion: Counts;
  /** How often a client was answered by another instance than the time before. */
  readonly moves: number;
  readonly latency: Latency;
  /** The first of the failed requests (at most 20), for finding out why. */
  readonly firstFailures: readonly Failure[];
}

export type Counts = Readonly<Record<string, number>>;

/** Milliseconds over all requests, the failed ones included. Zeros when there was none. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface Failure {
  readonly atMs: number;
  readonly path: string;
  /** `503`, or an error's code. */
  readonly reason: string;
  readonly latencyMs: number;
}

export interface WebSocketReport {
  readonly clients: number;
  /** Open now, and greeted by an instance. */
  readonly connected: number;
  readonly connectedTo: Counts;
  readonly messages: number;
  readonly echoes: number;
  /** Attempts to connect that failed, by reason. */
  readonly connectErrors: Counts;
  readonly reconnects: readonly Reconnect[];
}

/** One client that lost its connection. */
export interface Reconnect {
  readonly client: number;
  /** When the connection was seen to be gone. */
  readonly atMs: number;
  readonly closeCode: number;
  readonly from: string;
  /** The instance it came back to. This and the times are undefined while it has not come back. */
  readonly to: string | undefined;
  /** From seeing the connection gone to the first message on the new one, ms. */
  readonly reconnectMs: number | undefined;
  /** From the last message on the old connection to the first on the new one, ms: all the silence there was. */
  readonly silenceMs: number | undefined;
}
