/**
 * Passes connections on to the one server that answers its checks. No server counts as up before it has, after a start
 * and where it is new, and while two of them do nobody is let through: there is never a choice between them.
 */
export interface TcpListen {
  readonly name: string;
  readonly port: number;
  readonly check: TcpCheck;
  readonly connectMs: number;
  /** Of both sides; also what keeps a session that says nothing. */
  readonly idleSeconds: number;
  readonly finSeconds: number;
  readonly servers: readonly TcpServer[];
}

/** HTTP, on a port of its own; 200 is up. */
export interface TcpCheck {
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly fastIntervalMs: number;
  readonly fall: number;
  readonly rise: number;
}

export interface TcpServer {
  readonly id: number;
  readonly name: string;
  /** IPv4. With a host name, only what it is taken to be before the first answer. */
  readonly address: string;
  readonly port: number;
  /** Name that the model's resolvers know. Absent: it is reached by its address. */
  readonly hostName?: string;
}

export interface Resolvers {
  readonly name: string;
  /** IPv4 address of a DNS server. */
  readonly address: string;
  /** How long what it said last is good while it says nothing, or nothing useful. */
  readonly holdSeconds: number;
}

/** Name of the backend that checks a server which goes by a host name. */
export function probeName(server: Pick<TcpServer, "name">): string {
  return `probe-${server.name}`;
}
