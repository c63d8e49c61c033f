import { once } from "node:events";
import { afterEach, describe, expect, it } from "@jest/globals";
import { WebSocket, type RawData } from "ws";
import { startBackendApi } from "../../lab/backend-api/backend-api.ts";
import { databaseSettings, type DatabaseSettings } from "../../lab/backend-api/notes.ts";
import type { Service } from "../../lab/shared/service.ts";
import type { Settings } from "../../lab/shared/settings.ts";

const defaults: Settings = {
  port: 0,
  instance: "api-1",
  shutdownSeconds: 5,
  failHealth: false,
  crash: false,
};
let service: Service;

async function start(settings: Partial<Settings> = {}, database?: DatabaseSettings): Promise<string> {
  service = await startBackendApi({ ...defaults, ...settings }, "v1", database);
  return `http://127.0.0.1:${service.port}`;
}

afterEach(async () => {
  await service.close();
});

describe("backend-api", () => {
  it.each(["/", "/api/v1/health", "/api/v1/whoami", "/api/v1/slow?ms=0"])("answers %s", async (path) => {
    const response = await fetch((await start()) + path);
    expect([response.status, response.headers.get("x-instance"), response.headers.get("x-version")]).toEqual([
      200,
      "api-1",
      "v1",
    ]);
  });

  it("names its instance in errors too", async () => {
    const response = await fetch(`${await start()}/nothing-here`);
    expect([response.status, response.headers.get("x-instance")]).toEqual([404, "api-1"]);
  });

  it("is unhealthy when told so, and serves the rest", async () => {
    const base = await start({ failHealth: true });
    expect((await fetch(`${base}/api/v1/health`)).status).toBe(500);
    expect((await fetch(`${base}/api/v1/whoami`)).status).toBe(200);
  });

  it("takes the client's address from the last hop, which the client cannot write", async () => {
    const base = await start();
    const headers = { "X-Forwarded-For": "6.6.6.6, 192.0.2.7" };
    expect(await (await fetch(`${base}/api/v1/whoami`, { headers })).json()).toMatchObject({
      instance: "api-1",
      version: "v1",
      clientAddress: "192.0.2.7",
      headers: { "x-forwarded-for": "6.6.6.6, 192.0.2.7" },
    });
    expect(await (await fetch(`${base}/api/v1/whoami`)).json()).toMatchObject({ clientAddress: "127.0.0.1" });
  });

  it.each(["", "?ms=", "?ms=-1", "?ms=60001", "?ms=1.5", "?ms=soon"])("refuses slow%s", async (query) => {
    expect((await fetch(`${await start()}/api/v1/slow${query}`)).status).toBe(400);
  });

  it("greets a WebSocket and echoes, with its name in every message", async () => {
    const socket = connect(await start());
    expect(await nextMessage(socket)).toEqual({ instance: "api-1", version: "v1" });
    socket.send("hello");
    expect(await nextMessage(socket)).toEqual({ instance: "api-1", echo: "hello" });
  });
});

describe("backend-api's notes", () => {
  const nowhere = databaseSettings({
    DATABASE_HOST: "127.0.0.1",
    DATABASE_PORT: "1",
    DATABASE_USER: "veza_a",
  });

  it("are not there without a database", async () => {
    expect(databaseSettings({})).toBeUndefined();
    expect((await fetch(`${await start()}/api/v1/notes`)).status).toBe(404);
  });

  it.each(["", "?text=", `?text=${"x".repeat(1_001)}`])("are not written with%.12s", async (query) => {
    const notes = `${await start({}, nowhere)}/api/v1/notes`;
    expect((await fetch(notes + query, { method: "POST" })).status).toBe(400);
    expect((await fetch(notes, { method: "PUT" })).status).toBe(405);
  });

  it("say that the database is away, and leave everything else as it is", async () => {
    const base = await start({}, nowhere);
    for (const method of ["GET", "POST"]) {
      const response = await fetch(`${base}/api/v1/notes?text=a`, { method });
      expect(response.status).toBe(503);
      expect(await response.text()).toContain("ECONNREFUSED");
    }
    expect((await fetch(`${base}/api/v1/health`)).status).toBe(200);
  });
});

describe("backend-api shutting down", () => {
  it("finishes the open request, takes no other, and asks WebSockets to come back", async () => {
    const base = await start();
    const socket = connect(base);
    await nextMessage(socket);
    const open = fetch(`${base}/api/v1/slow?ms=300`);
    await new Promise((resolve) => setTimeout(resolve, 100));

    const socketClosed = once(socket, "close");
    const closed = service.close();
    await expect(fetch(`${base}/api/v1/health`)).rejects.toThrow();
    expect((await open).status).toBe(200);
    expect((await socketClosed)[0]).toBe(1012);
    expect(await closed).toBe("clean");
  });

  it("cuts what is still open when the time is up", async () => {
    const base = await start({ shutdownSeconds: 0 });
    const open = fetch(`${base}/api/v1/slow?ms=500`).catch(() => "cut");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await service.close()).toBe("cut");
    expect(await open).toBe("cut");
  });
});

function connect(base: string): WebSocket {
  return new WebSocket(`${base.replace("http", "ws")}/api/v1/ws`);
}

async function nextMessage(socket: WebSocket): Promise<unknown> {
  const [data] = (await once(socket, "message")) as [RawData];
  return JSON.parse(Buffer.isBuffer(data) ? data.toString() : "");
}
