import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocketServer } from "ws";
import { json, startService, type Reply, type Service } from "../shared/service.ts";
import type { Settings } from "../shared/settings.ts";
import { indexPage } from "./index-page.ts";
import { Notes, type DatabaseSettings } from "./notes.ts";

/** Upper bound of `/api/v1/slow?ms=`, in milliseconds. */
const slowestMs = 60_000;
/** Largest WebSocket message taken, in bytes. */
const maxPayload = 64 * 1024;
/** WebSocket close code "service restart" (IANA registry): the client is meant to come back at once. */
const serviceRestart = 1012;

/**
 * Stand-in for the platform's API: health, who-am-I, slow answers, a WebSocket echo, and notes in a database.
 * @param database absent: no notes
 */
export async function startBackendApi(
  settings: Settings,
  version: string,
  database?: DatabaseSettings,
): Promise<Service> {
  const { instance } = settings;
  const notes = database && new Notes(database, instance);
  const service = await startService(settings, version, async (request, path, query) => {
    switch (path) {
      case "/":
        return html(indexPage(instance, version));
      case "/api/v1/health":
        return settings.failHealth
          ? json(500, { status: "failing, as FAIL_HEALTH=1 asks", instance, version })
          : json(200, { status: "ok", instance, version });
      case "/api/v1/whoami":
        return json(200, {
          instance,
          version,
          clientAddress: clientAddress(request.headers, request.socket.remoteAddress),
          method: request.method,
          headers: request.headers,
        });
      case "/api/v1/notes":
        return notes === undefined
          ? json(404, { error: "there is no database (DATABASE_HOST is not set)", instance })
          : notes.answer(request.method, query.get("text"));
      case "/api/v1/slow":
        return slow(query.get("ms"), instance);
      default:
        return json(404, { error: "not found", path, instance });
    }
  });

  const sockets = new WebSocketServer({ server: service.server, path: "/api/v1/ws", maxPayload });
  sockets.on("connection", (socket) => {
    socket.send(JSON.stringify({ instance, version }));
    socket.on("message", (data, binary) => {
      socket.send(
        JSON.stringify({ instance, echo: !binary && Buffer.isBuffer(data) ? data.toString() : "(binary)" }),
      );
    });
    // A client that breaks the protocol is its own problem; ws has closed it already.
    socket.on("error", () => undefined);
  });

  return {
    ...service,
    close: async () => {
      for (const socket of sockets.clients) socket.close(serviceRestart, "service restart");
      const ended = await service.close();
      await notes?.close();
      return ended;
    },
  };
}

/**
 * The address the load balancer says the client has: the last hop of `X-Forwarded-For`, the only one that
 * was not written by the client itself. Without the header, the connection's own address.
 */
function clientAddress(headers: IncomingHttpHeaders, remoteAddress: string | undefined): string {
  const hops = String(headers["x-forwarded-for"] ?? "").split(",");
  return hops.at(-1)?.trim() || (remoteAddress ?? "unknown");
}

async function slow(text: string | null, instance: string): Promise<Reply> {
  const ms = /^\d+$/.test(text ?? "") ? Number(text) : Infinity;
  if (ms > slowestMs) {
    return json(400, { error: `ms must be a whole number from 0 to ${slowestMs}`, instance });
  }
  await delay(ms);
  return json(200, { instance, waitedMs: ms });
}

function html(body: string): Reply {
  return {
    status: 200,
    headers: { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" },
    body,
  };
}
