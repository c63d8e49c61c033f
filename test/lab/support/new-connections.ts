import { Agent, get } from "node:https";
import { TLSSocket } from "node:tls";

export interface NewConnectionsOptions {
  readonly address: string;
  readonly names: readonly string[];
  readonly path: string;
  /** What has to vouch for every certificate, PEM. */
  readonly root: string;
  readonly clients: number;
}

export interface NewConnections {
  requests(): number;
  stop(): Promise<{
    readonly requests: number;
    readonly failures: readonly string[];
    /** Serials that each name was shown with, in order. */
    readonly serials: ReadonlyMap<string, readonly string[]>;
  }>;
}

/** HTTPS requests one after the other, by several clients, each over a connection and a full handshake of its own. */
export function newConnections(options: NewConnectionsOptions): NewConnections {
  const { names, clients } = options;
  const failures: string[] = [];
  const serials = new Map<string, string[]>(names.map((name) => [name, []]));
  let requests = 0;
  let stopping = false;

  const client = async (): Promise<void> => {
    while (!stopping) {
      const name = names[requests % names.length] ?? "";
      requests += 1;
      try {
        const serial = await request(options, name);
        const seen = serials.get(name);
        if (seen?.includes(serial) === false) seen.push(serial);
      } catch (error) {
        failures.push(`${name}: ${String(error)}`);
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    requests: () => requests,
    stop: async () => {
      stopping = true;
      await all;
      return { requests, failures, serials };
    },
  };
}

/** @returns the serial that was shown @throws Error for anything but a whole answer 200 under a certificate that is believed */
async function request({ address, path, root }: NewConnectionsOptions, name: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
  get(
    {
      host: address,
      servername: name,
      path,
      ca: root,
      agent,
      headers: { host: name },
      signal: AbortSignal.timeout(10_000),
    },
    (response) => {
      const { socket } = response;
      const serial = socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : "";
      response
        .resume()
        .once("error", reject)
        .once("end", () =>
          response.statusCode === 200
            ? resolve(serial)
            : reject(new Error(`answered ${String(response.statusCode)}`)),
        );
    },
  ).once("error", reject);
  return promise;
}
