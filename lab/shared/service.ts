import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Settings } from "./settings.ts";

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** Answers one request. `path` is as it was sent, neither decoded nor normalised: what a load balancer sees. */
export type Handler = (
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
) => Reply | Promise<Reply>;

export interface Service {
  readonly server: Server;
  /** The port listened on, which differs from the settings' when that was 0. */
  readonly port: number;
  /** Stops accepting, lets open requests finish, and cuts what is left after `shutdownSeconds`. */
  close(): Promise<"clean" | "cut">;
}

/** Longer than any load balancer keeps an idle connection, so that it is never we who close under a request. */
const keepAliveMs = 75_000;

/** Serves until closed. Every response names its instance in `X-Instance` and the build in `X-Version`. */
export async function startService(settings: Settings, version: string, handler: Handler): Promise<Service> {
  let closing = false;
  const server = createServer((request, response) => {
    request.resume();
    void answer(request).then((reply) => {
      response.writeHead(reply.status, {
        ...reply.headers,
        "X-Instance": settings.instance,
        "X-Version": version,
        "Content-Length": Buffer.byteLength(reply.body),
        ...(closing ? { Connection: "close" } : {}),
      });
      response.end(reply.body);
    });
  });
  server.keepAliveTimeout = keepAliveMs;

  async function answer(request: IncomingMessage): Promise<Reply> {
    const [path = "/", ...query] = (request.url ?? "/").split("?");
    try {
      return await handler(request, path, new URLSearchParams(query.join("?")));
    } catch (error) {
      console.error(`${request.method} ${request.url}: ${String(error)}`);
      return json(500, { error: "internal error", instance: settings.instance });
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, "0.0.0.0", resolve);
  });

  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () => {
      closing = true;
      return new Promise((resolve) => {
        const limit = setTimeout(() => {
          resolve("cut");
          server.closeAllConnections();
        }, settings.shutdownSeconds * 1_000);
        server.close(() => {
          clearTimeout(limit);
          resolve("clean");
        });
      });
    },
  };
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", ...headers },
    body: `${JSON.stringify(value, null, 2)}\n`,
  };
}
