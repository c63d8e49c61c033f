/** What clients ask for, each again and again. */
export const kindNames = ["requests", "segments", "new-tls", "resumed-tls", "messages"] as const;
export type Kind = (typeof kindNames)[number];

/** Every kind with how many clients ask at a time, and what one of its questions is called. */
export const kinds: Readonly<Record<Kind, { readonly clients: number; readonly title: string }>> = {
  requests: { clients: 32, title: "requests, keep-alive" },
  segments: { clients: 32, title: "segments of 16 KiB, keep-alive" },
  "new-tls": { clients: 32, title: "new TLS sessions, one request each" },
  "resumed-tls": { clients: 32, title: "resumed TLS sessions, one request each" },
  messages: { clients: 32, title: "WebSocket messages, there and back" },
};

export function isOverTls(kind: Kind): boolean {
  return kind === "new-tls" || kind === "resumed-tls";
}

/** Where a contender is asked. */
export interface Door {
  /** `address:port`, as clients see it. */
  readonly to: string;
  /** Container whose processor time counts; absent: the servers themselves. */
  readonly container?: string;
}

/** What stands between clients and servers. */
export interface Contender {
  /** As in tables. */
  readonly name: string;
  /** Version of its program. */
  readonly version: string;
  /** Name of its processes. */
  readonly program: string;
  readonly http: Door;
  /** Absent: it is not asked over TLS. */
  readonly https?: Door;
}

export function doorFor(kind: Kind, contender: Contender): Door | undefined {
  return isOverTls(kind) ? contender.https : contender.http;
}
