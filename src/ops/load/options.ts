/** What load to put on an edge. All of it is bounded: in time always, in count where `maxRequests` says so. */
export interface LoadOptions {
  /** Where to, without a path: `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** For `https` or a name that does not resolve here: SNI and `Host`, and the CA to believe (PEM). */
  readonly tls?: { readonly serverName?: string; readonly ca?: string };
  readonly http?: readonly HttpLoadOptions[];
  readonly webSockets?: WebSocketLoadOptions;
  /** The load ends by itself after this many seconds. */
  readonly maxSeconds: number;
}

/** A group of HTTP clients that behave alike. Connections are kept open between requests. */
export interface HttpLoadOptions {
  /** Name of the group in the report. */
  readonly name: string;
  /** Clients, each with one request at a time and, when pinned, its own cookies. */
  readonly clients: number;
  /** Pinned clients keep and send the cookies they are given; the others send none, and get none again. */
  readonly pinned: boolean;
  /** Paths asked for in turn. */
  readonly paths: readonly string[];
  /** Default `GET`. */
  readonly method?: "GET" | "HEAD" | "POST";
  readonly pace: Pace;
  /** A request without a complete answer after this time counts as error `TIMEOUT`; ms, default 30,000. */
  readonly timeoutMs?: number;
  /** The group ends after this many requests; default: no bound but time. */
  readonly maxRequests?: number;
}

/**
 * `closed`: each client sends its next request `pauseMs` after it was answered, so a slow edge gets less load.
 * `rate`: requests arrive at fixed times whatever happens, and latency counts from the time a request was due:
 * what a stall does to those who come during it is seen (no coordinated omission).
 */
export type Pace =
  | { readonly kind: "closed"; readonly pauseMs?: number }
  | { readonly kind: "rate"; readonly perSecond: number };

/** WebSocket clients that send a message, wait for its echo, and connect again at once when cut off. */
export interface WebSocketLoadOptions {
  readonly clients: number;
  /** The echo has to be JSON and the first message of a connection to have `instance` in it. */
  readonly path: string;
  /** Time between two messages of one client, ms. */
  readonly messageEveryMs: number;
  /** Time for connecting and for the first message, ms, default 5,000. */
  readonly connectTimeoutMs?: number;
}
